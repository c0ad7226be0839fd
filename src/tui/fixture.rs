//! A lesson and a lab for the tests of this room.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::config::Config;
use super::effect::Effect;
use super::event::{Course, Event};
use super::state::{Drawn, State};
use crate::apiserver::audit::Entry;
use crate::check::Verdict;
use crate::cluster::{ClusterKind, Facts};
use crate::grade::{CheckResult, LessonResult, StepResult};
use crate::lab::Standing;
use crate::lesson::{Lesson, Step};

fn step(id: &str, title: &str, text: &str, tasks: &[&str]) -> Step {
    Step {
        id: id.into(),
        title: title.into(),
        text: text.into(),
        tasks: tasks.iter().enumerate().map(|(i, t)| (format!("t{i}"), (*t).to_owned())).collect(),
        hints: vec!["Which identity does `kubectl` use?".into(), "Look at `KUBECONFIG`.".into()],
        solution: "On node01:\n\n```bash\nexport KUBECONFIG=/etc/kubernetes/kubelet.conf\nk label node controlplane killercoda/one=123\n```{{exec}}".into(),
    }
}

pub fn lesson() -> Lesson {
    let verify = "The kubelet on `node01` shouldn't be able to set Node labels\n- that start with `node-restriction.kubernetes.io/*`\n- or on other Nodes than itself\n\nVerify that this is **not** restricted by acting as the kubelet of node01. Go there\n\n```bash\nssh node01\n```{{exec}}\n\nand add the label `killercoda/one=123`{{copy}} to Node controlplane.\n";
    Lesson {
        id: "apiserver-node-restriction".into(),
        title: "Apiserver NodeRestriction".into(),
        domain: "Cluster Hardening".into(),
        minutes: 15,
        intro: "The kubelet of `node01` is trusted too much.\n\n| node | address |\n|---|---|\n| controlplane | 172.30.1.2 |\n| node01 | 172.30.2.2 |\n".into(),
        finish: "## What to take home\n\n1. NodeRestriction keeps a kubelet to its own Node.\n2. `KUBECONFIG` decides who you are.\n".into(),
        steps: vec![
            step("verify-issue", "Verify the issue", verify, &["controlplane has the label killercoda/one=123", "It was set as the kubelet of node01"]),
            step("enable-plugin", "Enable the plugin", "Enable it.", &["The manifest is well formed", "NodeRestriction is active"]),
            step("re-verify", "Verify that the issue is gone", "Try again.", &["It is refused"]),
        ],
    }
}

pub fn standing() -> Standing {
    Standing { current: 0, results: vec![None; 3], hints: vec![0; 3], solved: vec![false; 3], seconds: 61 }
}

pub fn course(standing: Standing, resumed: bool) -> Course {
    let node = |name: &str| (name.to_owned(), name.to_owned());
    Course {
        lesson: Arc::new(lesson()),
        facts: Facts {
            kind: ClusterKind::Sandbox,
            version: "v1.31.0".into(),
            server: "https://127.0.0.1:6443".into(),
            nodes: vec![node("controlplane"), node("node01")],
            manifests: "/etc/kubernetes/manifests".into(),
        },
        standing,
        server_up: true,
        max: Some(10),
        resumed,
        layout: None,
    }
}

/// The result of a step of which the first `passed` checks pass.
pub fn result(index: usize, passed: usize) -> StepResult {
    let lesson = lesson();
    let step = &lesson.steps[index];
    let checks: Vec<CheckResult> = step
        .tasks
        .iter()
        .enumerate()
        .map(|(i, (id, title))| {
            let pass = i < passed;
            let text = |text: &str| if pass { String::new() } else { text.to_owned() };
            CheckResult {
                id: id.clone(),
                title: title.clone(),
                verdict: if pass { Verdict::Pass } else { Verdict::Fail },
                points: if pass { 2 } else { 0 },
                max: 2,
                expected: text("a PATCH of nodes/controlplane by system:node:node01"),
                observed: text("a PATCH by kubernetes-admin"),
                hint: text("echo $KUBECONFIG on node01"),
            }
        })
        .collect();
    StepResult {
        id: step.id.clone(),
        title: step.title.clone(),
        score: checks.iter().map(|c| c.points).sum(),
        max: checks.iter().map(|c| c.max).sum(),
        passed: passed >= step.tasks.len(),
        checks,
    }
}

pub fn checked(steps: Vec<StepResult>) -> LessonResult {
    LessonResult {
        lesson: "apiserver-node-restriction".into(),
        cluster: "sandbox".into(),
        version: "v1.31.0".into(),
        score: steps.iter().map(|s| s.score).sum(),
        max: steps.iter().map(|s| s.max).sum(),
        passed: steps.iter().all(|s| s.passed),
        steps,
    }
}

/// A label set on controlplane by node01's kubelet.
pub fn request(sequence: u64) -> Entry {
    Entry {
        sequence,
        at: "2022-07-28T14:33:31Z".parse().unwrap(),
        user: "system:node:node01".into(),
        groups: vec!["system:nodes".into(), "system:authenticated".into()],
        impersonator: None,
        authenticated_by: "x509".into(),
        user_agent: "kubectl/v1.31.0".into(),
        verb: "patch".into(),
        uri: "/api/v1/nodes/controlplane?fieldManager=kubectl-label".into(),
        group: String::new(),
        resource: "nodes".into(),
        subresource: String::new(),
        namespace: String::new(),
        name: "controlplane".into(),
        dry_run: false,
        authorizer: "Node".into(),
        decision: "allow".into(),
        reason: String::new(),
        admission: Vec::new(),
        request_body: Some(r#"{"metadata":{"labels":{"killercoda/one":"123"}}}"#.into()),
        code: 200,
        message: String::new(),
        resource_version: Some("812".into()),
        micros: 412,
    }
}

/// A state and what came of what happened to it.
pub struct Seat {
    pub state: State,
    pub drawn: Drawn,
    pub effects: Vec<Effect>,
}

impl Seat {
    /// A lab that is up, on the first step, its first shell running.
    pub fn new(width: u16, height: u16) -> Self {
        let mut seat = Self::starting(width, height);
        seat.happen(Event::Opened(Box::new(course(standing(), false))));
        seat.happen(Event::Shell(1, Ok(())));
        seat.press("f8");
        if width < super::state::SIDE_BY_SIDE {
            seat.press("f2");
        }
        seat.effects.clear();
        seat
    }

    pub fn starting(width: u16, height: u16) -> Self {
        let state = State::new((width, height), Config::default());
        Self { state, drawn: Drawn::default(), effects: Vec::new() }
    }

    pub fn happen(&mut self, event: Event) -> &mut Self {
        let effects = self.state.update(event, &self.drawn);
        self.effects.extend(effects);
        self
    }

    /// Presses keys, named as in the configuration (`ctrl-g`, `esc`, `x`), in order.
    pub fn press(&mut self, keys: &str) -> &mut Self {
        for key in keys.split(' ') {
            let event = match super::keymap::Chord::parse(key) {
                Some(chord) if key.len() > 1 => KeyEvent::new(chord.code, chord.modifiers),
                _ => KeyEvent::new(KeyCode::Char(key.chars().next().unwrap()), KeyModifiers::NONE),
            };
            self.happen(Event::Key(event));
        }
        self
    }

    /// Types a text.
    pub fn write(&mut self, text: &str) -> &mut Self {
        for c in text.chars() {
            self.happen(Event::Key(KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE)));
        }
        self
    }

    pub fn take(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }
}
