//! The plain mode as a script sees it: lines in, standard output out.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use super::program::command;

const LIMIT: Duration = Duration::from_secs(120);

/// The program, spoken with line by line.
pub struct Talk {
    pub child: Child,
    stdin: Option<ChildStdin>,
    output: Receiver<Vec<u8>>,
    /// All that it said.
    pub said: String,
    /// How much of that was waited for already.
    seen: usize,
}

impl Talk {
    /// Starts it; what it says on standard error is nobody's.
    pub fn start(home: &Path, arguments: &[&str]) -> Self {
        let mut child = command(home, arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut stdout = child.stdout.take().unwrap();
        let (sender, output) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(n @ 1..) = stdout.read(&mut buffer) {
                if sender.send(buffer[..n].to_vec()).is_err() {
                    return;
                }
            }
        });
        let stdin = child.stdin.take();
        Self { child, stdin, output, said: String::new(), seen: 0 }
    }

    /// Types a line.
    pub fn types(&mut self, line: &str) {
        writeln!(self.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    /// Waits until it says this, after what was waited for before; all that was said until then comes back.
    pub fn says(&mut self, text: &str) -> String {
        let end = Instant::now() + LIMIT;
        loop {
            if let Some(at) = self.said[self.seen..].find(text) {
                let until = self.seen + at + text.len();
                let said = self.said[self.seen..until].to_owned();
                self.seen = until;
                return said;
            }
            match self.output.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(bytes) => self.said += &String::from_utf8_lossy(&bytes),
                Err(e) => panic!("it does not say {text:?} ({e}) but: {}", &self.said[self.seen..]),
            }
        }
    }

    /// Types a line and waits for what it answers.
    pub fn asks(&mut self, line: &str, answer: &str) -> String {
        self.types(line);
        self.says(answer)
    }

    /// Types a command until it is answered so: a server that restarts takes its time.
    pub fn asks_until(&mut self, line: &str, prompt: &str, answer: &str) {
        let end = Instant::now() + LIMIT;
        loop {
            let said = self.asks(line, prompt);
            if said.contains(answer) {
                return;
            }
            assert!(Instant::now() < end, "{line} is never answered with {answer:?}: {said}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Closes its input and waits for its end; the exit status.
    pub fn ends(&mut self) -> i32 {
        drop(self.stdin.take());
        while let Ok(bytes) = self.output.recv_timeout(LIMIT) {
            self.said += &String::from_utf8_lossy(&bytes);
        }
        self.child.wait().unwrap().code().unwrap_or(-1)
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Neither colours nor a cursor that moves, and whole lines.
pub fn assert_is_plain(said: &str) {
    let odd: Vec<char> = said.chars().filter(|c| c.is_control() && *c != '\n' && *c != '\t').collect();
    assert!(odd.is_empty(), "{odd:?} in {said}");
    assert!(said.ends_with('\n'));
}

const PROMPT: &str = "Type a command; help lists them.\n";
const AS_KUBELET: &str = "export KUBECONFIG=/etc/kubernetes/kubelet.conf";

#[test]
fn the_whole_lesson_by_standard_output_alone() {
    let home = tempfile::tempdir().unwrap();
    let mut talk = Talk::start(home.path(), &["start", "--plain"]);
    let first = talk.says(PROMPT);
    for part in ["Lesson: Apiserver NodeRestriction.", "Step 1 of 3: Verify the issue\n", "Tasks:\n1. "] {
        assert!(first.contains(part), "{part}: {first}");
    }
    assert!(!first.contains("{{") && !first.contains('`') && !first.contains("**"), "{first}");
    let help = talk.asks("help", PROMPT);
    assert!(help.contains("1. check: grade this step\n"), "{help}");
    let graded = talk.asks("1", PROMPT);
    for part in
        ["Not passed yet: Verify the issue, 0 of", "1. not passed: ", "   Expected: ", "   Observed: "]
    {
        assert!(graded.contains(part), "{part}: {graded}");
    }
    assert!(talk.asks("hint", PROMPT).contains("Hint 1 of 3:\n"));
    let lessons = talk.asks("lessons", PROMPT);
    assert!(
        lessons.contains("1. Apiserver NodeRestriction, 20 minutes, best 0 of ")
            && lessons.contains(" points, tried once\n"),
        "{lessons}"
    );
    assert!(lessons.contains("minutes, not tried yet"), "{lessons}");
    assert!(talk.asks("history", PROMPT).contains(": 0 of "));
    assert!(talk.asks("nonsense", PROMPT).contains("\"nonsense\" is no command"));
    assert!(talk.asks("shell nowhere", PROMPT).contains("error: the cluster has no node"));

    talk.asks("shell node01", "A shell on node01.");
    talk.types(AS_KUBELET);
    talk.asks("k label node controlplane killercoda/one=123", "node/controlplane labeled");
    talk.asks("k label node node01 node-restriction.kubernetes.io/one=123", "node/node01 labeled");
    talk.asks("exit", "The shell ended.");
    talk.says(PROMPT);
    let tasks = talk.asks("tasks", PROMPT);
    assert!(tasks.contains("1. done: ") && !tasks.contains("open: "), "{tasks}");
    let next = talk.asks("check", PROMPT);
    assert!(next.contains("Passed: Verify the issue") && next.contains("Step 2 of 3: "), "{next}");

    talk.asks("shell controlplane", "A shell on controlplane.");
    talk.types("cd /etc/kubernetes/manifests; cp kube-apiserver.yaml /root/");
    talk.types("sed -i 's/^    - --tls-cert-file/    - --enable-admission-plugins=NodeRestriction\\n&/' kube-apiserver.yaml");
    talk.asks("exit", "The shell ended.");
    talk.says(PROMPT);
    talk.asks_until("check", PROMPT, "Passed: ");

    assert!(talk.asks("solution", PROMPT).contains("label node"));
    talk.asks("shell node01", "A shell on node01.");
    talk.types(AS_KUBELET);
    talk.asks(
        "k label node controlplane killercoda/two=123",
        "node \"node01\" is not allowed to modify node \"controlplane\"",
    );
    talk.asks(
        "k label node node01 node-restriction.kubernetes.io/two=123",
        "is not allowed to modify labels: node-restriction.kubernetes.io/two",
    );
    talk.asks("k label node node01 test/two=123", "node/node01 labeled");
    talk.asks("exit", "The shell ended.");
    talk.says(PROMPT);
    let end = talk.asks("check", "The lesson is finished.");
    assert!(end.contains("Passed: ") && end.contains("What to take home"), "{end}");
    assert!(talk.asks("steps", "The lesson is finished.").matches(": passed\n").count() == 3);
    talk.types("quit");
    assert_eq!(talk.ends(), 0);
    assert_is_plain(&talk.said);

    // It goes on where it was, and another lesson is a question away.
    let mut talk = Talk::start(home.path(), &["start", "--plain"]);
    assert!(talk.says("The lesson is finished.").contains("Resumed: 3 of 3 steps passed."));
    talk.asks("open 2", "Go on? [yes/no]\n");
    talk.asks("no", "nothing was changed");
    talk.asks("open apiserver-crash", "Go on? [yes/no]\n");
    talk.asks("yes", "Lesson: Apiserver crash.");
    talk.says(PROMPT);
    talk.asks("reset", "Start it over? [yes/no]\n");
    talk.asks("yes", "The step starts over.");
    // The end of its input is the end of the program.
    assert_eq!(talk.ends(), 0);
    assert_is_plain(&talk.said);
}

#[test]
fn it_speaks_japanese() {
    let home = tempfile::tempdir().unwrap();
    let mut talk = Talk::start(home.path(), &["start", "--plain", "--lang", "ja"]);
    let prompt = "コマンドを入力してください (help で一覧)。\n";
    talk.says(prompt);
    for line in ["help", "check", "tasks", "hint", "steps", "lessons", "history", "go 9", "nonsense"] {
        talk.asks(line, prompt);
    }
    talk.asks("reset", "最初からやり直しますか? [yes/no]\n");
    talk.asks("no", "何も変更していません");
    talk.asks("shell", "controlplane のシェルです");
    talk.asks("exit", "シェルを終了しました");
    assert_eq!(talk.ends(), 0);
    assert_is_plain(&talk.said);
    let english = ["Step ", "Expected", "Observed", "Lesson:", " points", "passed", "error:", "Type a"];
    for word in english {
        assert!(!talk.said.contains(word), "{word}: {}", talk.said);
    }
}

#[test]
fn a_dumb_terminal_gets_it_by_itself() {
    let home = tempfile::tempdir().unwrap();
    let mut window = crate::window::Window::open_with(home.path(), 100, 40, &["start"], &[("TERM", "dumb")]);
    window.shows("TERM is dumb, so the lesson is shown line by line");
    window.shows("Step 1 of 3. Type a command");
    window.keys("shell node01\r");
    window.shows("A shell on node01.");
    window.shows("node01 $");
    window.keys("echo $TERM-$((6*7))\r");
    window.shows("dumb-42");
    window.wait_until("the prompt is back", |w| w.text().trim_end().ends_with("dumb-42\nnode01 $"));
    // What a key interrupts is what has the terminal: once it speaks, that is not the shell any more.
    window.keys("sh -c 'echo it-ru\"\"ns; exec sleep 1000'\r");
    window.shows("it-runs");
    window.keys("\x03");
    window.wait_until("it was interrupted", |w| w.text().trim_end().ends_with("^C\nnode01 $"));
    window.keys("exit\r");
    window.shows("The shell ended.");
    window.keys("steps\r");
    window.shows("1. Verify the issue: not graded yet [here]");
    window.keys("quit\r");
    assert_eq!(window.ended(), 0);
    assert!(!window.wrote("\x1b[?1049h") && !window.wrote("\x1b[3"), "no full screen, no colours");
}
