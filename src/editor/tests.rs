#![allow(clippy::unwrap_used)]

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::{Editor, Keys, Request, view};

/// Types keys: `^X` is a control key, `<Esc>`, `<CR>`, `<Tab>`, `<BS>`, `<Down>` are named ones.
fn typed(editor: &mut Editor, keys: &str) -> Request {
    let mut request = Request::default();
    let mut rest = keys;
    while let Some(c) = rest.chars().next() {
        let named = [
            ("<Esc>", KeyCode::Esc),
            ("<CR>", KeyCode::Enter),
            ("<Tab>", KeyCode::Tab),
            ("<BS>", KeyCode::Backspace),
            ("<Down>", KeyCode::Down),
            ("<F5>", KeyCode::F(5)),
        ];
        let (key, used) = match named.iter().find(|(name, _)| rest.starts_with(name)) {
            Some((name, code)) => (KeyEvent::new(*code, KeyModifiers::NONE), name.len()),
            None if c == '^' => {
                let letter = rest.chars().nth(1).unwrap().to_ascii_lowercase();
                (KeyEvent::new(KeyCode::Char(letter), KeyModifiers::CONTROL), 2)
            }
            None => {
                let modifiers = if c.is_uppercase() { KeyModifiers::SHIFT } else { KeyModifiers::NONE };
                (KeyEvent::new(KeyCode::Char(c), modifiers), c.len_utf8())
            }
        };
        request = editor.key(key);
        rest = &rest[used..];
    }
    request
}

fn vi(text: &str) -> Editor {
    Editor::new(Keys::Vi, Some("pod.yaml".into()), text)
}

fn nano(text: &str) -> Editor {
    Editor::new(Keys::Nano, Some("pod.yaml".into()), text)
}

fn screen(editor: &mut Editor) -> String {
    let mut terminal = Terminal::new(TestBackend::new(60, 8)).unwrap();
    terminal.draw(|frame| view::draw(frame, editor)).unwrap();
    terminal.backend().to_string()
}

const POD: &str = "spec:\n  containers:\n  - command:\n    - kube-apiserver\n    - --secure-port=6443\n";

#[test]
fn vi_changes_text_as_its_keys_say() {
    let rows = [
        // A line is added below, with the indentation of the one above: how the lesson's flag gets in.
        (
            "/kube<CR>o- --enable-admission-plugins=NodeRestriction<Esc>",
            "    - kube-apiserver\n    - --enable-admission-plugins=NodeRestriction\n    - --secure",
        ),
        ("GO- --v=2<Esc>", "    - kube-apiserver\n    - --v=2\n    - --secure-port=6443\n"),
        ("Gdd", "  - command:\n    - kube-apiserver\n"),
        ("ggyyp", "spec:\nspec:\n  containers:"),
        ("ggddu", "spec:\n  containers:"),
        ("ggx", "pec:\n"),
        ("ggIa<Tab>b<Esc>", "a bspec:"),
        ("ggi<Tab>x<Esc>", "  xspec:"),
        ("G$a4<BS>5<Esc>", "--secure-port=64435\n"),
        (":%s/kube-apiserver/etcd/<CR>", "    - etcd\n"),
        (":%s/kube-apiserver/etcd/<CR>u", "    - kube-apiserver\n"),
        (":2,3d<CR>", "spec:\n    - kube-apiserver\n"),
        ("<F5>ggx", "pec:\n"),
    ];
    for (keys, expected) in rows {
        let mut editor = vi(POD);
        typed(&mut editor, keys);
        let text = editor.text();
        assert!(text.contains(expected), "{keys}:\n{text}");
    }
}

#[test]
fn vi_saves_and_ends_when_told_to() {
    let save = |quit| Request { save: Some("pod.yaml".into()), quit };
    let quit = Request { save: None, quit: true };
    let nothing = Request::default();
    let rows = [
        (":w<CR>", save(false), ""),
        (":wq<CR>", save(true), ""),
        ("ZZ", quit.clone(), ""),
        ("ggxZZ", save(true), ""),
        ("ggx:x<CR>", save(true), ""),
        (":q<CR>", quit.clone(), ""),
        ("ggx:q<CR>", nothing.clone(), "E37: No write since last change (add ! to override)"),
        ("ggx:q!<CR>", quit.clone(), ""),
        ("ggxZQ", quit, ""),
        (":w other.yaml<CR>", Request { save: Some("other.yaml".into()), quit: false }, ""),
        (":frobnicate<CR>", nothing.clone(), "E492: Not an editor command: frobnicate"),
        (":%s/nowhere/x/<CR>", nothing.clone(), "E486: Pattern not found: nowhere"),
        (":wq<Esc>", nothing, ""),
    ];
    for (keys, expected, message) in rows {
        let mut editor = vi(POD);
        assert_eq!(typed(&mut editor, keys), expected, "{keys}");
        assert_eq!(editor.message, message, "{keys}");
    }
}

#[test]
fn read_only_files_are_written_only_when_forced() {
    let mut editor = vi(POD);
    editor.set_readonly();
    assert_eq!(typed(&mut editor, "ggx:w<CR>"), Request::default());
    assert_eq!(editor.message, "E45: 'readonly' option is set (add ! to override)");
    assert!(typed(&mut editor, ":w!<CR>").save.is_some());
}

#[test]
fn a_failed_save_keeps_the_changes() {
    let mut editor = vi(POD);
    typed(&mut editor, "ggx:wq<CR>");
    editor.saved("pod.yaml".into(), Err("\"pod.yaml\" E212: Can't open file for writing".into()));
    assert!(editor.modified());
    assert!(screen(&mut editor).contains("E212"));
    editor.saved("pod.yaml".into(), Ok(()));
    assert!(!editor.modified());
}

#[test]
fn nano_changes_text_as_its_keys_say() {
    let rows = [
        ("<Down>^K^U^U", "spec:\n  containers:\n  containers:\n  - command:"),
        ("^K^K^U", "spec:\n  containers:\n  - command:"),
        ("^K^K<Down>^U", "  - command:\nspec:\n  containers:\n    - kube"),
        ("^WKUBE<CR>x", "    - xkube-apiserver"),
        ("abc", "abcspec:\n"),
    ];
    for (keys, expected) in rows {
        let mut editor = nano(POD);
        typed(&mut editor, keys);
        let text = editor.text();
        assert!(text.contains(expected), "{keys}:\n{text}");
    }
}

#[test]
fn nano_asks_before_it_ends() {
    let quit = Request { save: None, quit: true };
    let save = |quit| Request { save: Some("pod.yaml".into()), quit };
    let rows = [
        ("^X", quit.clone()),
        ("a^X", Request::default()),
        ("a^Xn", quit),
        ("a^Xy<CR>", save(true)),
        ("a^O<CR>", save(false)),
        ("a^X^C", Request::default()),
        ("a^X?", Request::default()),
    ];
    for (keys, expected) in rows {
        assert_eq!(typed(&mut nano(POD), keys), expected, "{keys}");
    }
}

#[test]
fn an_untouched_file_without_a_last_line_break_is_not_modified() {
    assert!(!vi("a\nb").modified());
    assert!(!vi("").modified());
    assert_eq!(vi("a\nb").text(), "a\nb\n");
}

#[test]
fn the_screen_shows_text_mode_and_place() {
    let mut editor = vi(POD);
    typed(&mut editor, "Go");
    let drawn = screen(&mut editor);
    assert!(drawn.contains("--secure-port=6443"), "{drawn}");
    assert!(drawn.contains("-- INSERT --"), "{drawn}");
    assert!(drawn.contains("6,5"), "{drawn}");
    let mut editor = nano(POD);
    typed(&mut editor, "a");
    let drawn = screen(&mut editor);
    assert!(drawn.contains("pod.yaml   Modified"), "{drawn}");
    assert!(drawn.contains("^X Exit"), "{drawn}");
}
