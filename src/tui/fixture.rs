//! A lesson and a lab for the tests of this room.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::config::Config;
use super::effect::Effect;
use super::event::{Course, Event};
use super::exam::Exam;
use super::offer::{Offer, Try};
use super::state::{Drawn, State};
use crate::apiserver::audit::Entry;
use crate::check::Verdict;
use crate::cluster::{ClusterKind, Facts};
use crate::exam::{Clock, LessonOutcome, Outcome, Row};
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
        exam: None,
        own_requests: false,
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
                skipped: false,
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

/// An exam of two lessons, its first task opened.
pub fn exam(at: usize) -> Exam {
    let row = |number: usize, lesson: &str, title: &str, weight| Row {
        number,
        lesson: lesson.into(),
        title: title.into(),
        points: 4,
        weight,
        opened: number <= at + 1,
        flagged: number == 2,
        current: number == at + 1,
    };
    Exam {
        title: "CKS practice exam".into(),
        rows: vec![
            row(1, "Apiserver NodeRestriction", "Verify the issue", 60),
            row(2, "Apiserver NodeRestriction", "Enable the plugin", 60),
            row(3, "Apiserver crash", "Find the cause", 40),
        ],
        places: vec![(0, 0), (0, 1), (1, 0)],
        at,
        clock: Clock { spent: 3600, left: 3720 },
        over: false,
        outcome: None,
    }
}

/// What an exam came to of which one step passed.
pub fn outcome() -> Outcome {
    let lesson = |title: &str, weight, steps: Vec<StepResult>| LessonOutcome {
        lesson: "id".into(),
        title: title.into(),
        weight,
        score: steps.iter().map(|s| s.score).sum(),
        max: steps.iter().map(|s| s.max).sum(),
        steps,
    };
    let lessons = vec![
        lesson("Apiserver NodeRestriction", 60, vec![result(0, 2), result(1, 1)]),
        lesson("Apiserver crash", 40, vec![result(2, 0)]),
    ];
    Outcome { percent: 45, pass_mark: 67, passed: false, lessons }
}

/// What the first screen offers: a lesson under way, a new one, an exam.
pub fn offers() -> Vec<Offer> {
    let tried = |percent, passed| Try { at: "2026-11-20".into(), percent, passed, seconds: 1260, hints: 2 };
    let offer = |id: &str, title: &str, domain: &str, minutes, parts| Offer {
        id: id.into(),
        exam: false,
        title: title.into(),
        domain: domain.into(),
        minutes,
        parts,
        open: false,
        standing: (0, 10, 0),
        tries: vec![],
    };
    let crash = offer("apiserver-crash", "Apiserver crash", "Cluster Hardening", 15, 1);
    let restriction =
        offer("apiserver-node-restriction", "Apiserver NodeRestriction", "Cluster Hardening", 20, 3);
    let exam = offer("cks-practice", "CKS practice exam", "", 75, 4);
    vec![
        crash,
        Offer {
            open: true,
            standing: (4, 10, 372),
            tries: vec![tried(30, false), tried(70, false), tried(100, true), tried(40, false)],
            ..restriction
        },
        Offer { exam: true, tries: vec![tried(72, true)], ..exam },
    ]
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
        seat.press("f8 f2");
        seat.effects.clear();
        seat
    }

    /// An exam, turned to a task.
    pub fn sitting(width: u16, height: u16, at: usize) -> Self {
        let mut seat = Self::starting(width, height);
        seat.turn(at);
        seat.happen(Event::Shell(1, Ok(())));
        // The layout is kept once.
        seat.happen(Event::Clock(1));
        seat.effects.clear();
        seat
    }

    /// The lab of a task of the exam comes up.
    pub fn turn(&mut self, at: usize) {
        let mut course = course(standing(), false);
        course.exam = Some(exam(at));
        self.happen(Event::Opened(Box::new(course)));
    }

    /// The first screen.
    pub fn picking(width: u16, height: u16) -> Self {
        let mut seat = Self::starting(width, height);
        seat.state.stage = super::state::Stage::Picking;
        seat.happen(Event::Offers(Ok(offers())));
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
