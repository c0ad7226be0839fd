//! What is done before each picture is taken, and in the film.

use crate::svg::{DARK, LIGHT, Palette};

/// One thing that is done, or waited for.
pub enum Step {
    /// Waits until a text shows.
    Shows(&'static str),
    /// Presses keys at once.
    Keys(&'static str),
    /// Types a line at the prompt as a person does, with Enter.
    Types(&'static str),
    /// Types into a program that runs in the shell.
    Enters(&'static str),
    /// Lets one look at it, for so many seconds of the film.
    Looks(f64),
}

use Step::{Enters, Keys, Looks, Shows, Types};

/// A picture.
pub struct Scene {
    /// The file below `assets`.
    pub file: &'static str,
    pub columns: u16,
    pub rows: u16,
    pub palette: &'static Palette,
    /// What stands in `config.yaml`.
    pub config: &'static str,
    pub arguments: &'static [&'static str],
    pub steps: &'static [Step],
}

const F2: &str = "\x1bOQ";
const F3: &str = "\x1bOR";
const F4: &str = "\x1bOS";
const F5: &str = "\x1b[15~";
const F6: &str = "\x1b[17~";
const F8: &str = "\x1b[19~";
const PREFIX: &str = "\x07";
const ENTER: &str = "\r";

/// The pictures.
pub const SCENES: &[Scene] = &[
    Scene {
        file: "screenshot.svg",
        columns: 120,
        rows: 40,
        palette: &DARK,
        config: "",
        arguments: &["start"],
        steps: &[
            Shows("controlplane $"),
            Keys(F8),
            Shows("Tasks"),
            Types("ssh node01"),
            Shows("node01 $"),
            Types("export KUBECONFIG=/etc/kubernetes/kubelet.conf"),
            Types("k label node controlplane killercoda/one=123"),
            Shows("controlplane labeled"),
            Keys(F5),
            Shows("expected"),
        ],
    },
    Scene {
        file: "pictures/light.svg",
        columns: 120,
        rows: 40,
        palette: &LIGHT,
        config: "theme: light\n",
        arguments: &["start"],
        steps: &[
            Shows("controlplane $"),
            Keys(F8),
            Shows("Tasks"),
            Types("k get nodes"),
            Shows("VERSION"),
            Types("k get pods -n kube-system"),
            Shows("RESTARTS"),
            Keys(F6),
            Looks(0.0),
        ],
    },
    Scene {
        file: "pictures/small.svg",
        columns: 80,
        rows: 24,
        palette: &DARK,
        config: "",
        arguments: &["start"],
        steps: &[
            Shows("F8 turns"),
            Keys(F8),
            Keys(F2),
            Shows("controlplane $"),
            Types("ssh node01"),
            Shows("node01 $"),
            Types("export KUBECONFIG=/etc/kubernetes/kubelet.conf"),
            Types("k label node controlplane killercoda/one=123"),
            Shows("controlplane labeled"),
            Keys(F5),
            Looks(0.0),
        ],
    },
    Scene {
        file: "pictures/xray.svg",
        columns: 120,
        rows: 40,
        palette: &DARK,
        config: "",
        arguments: &["start"],
        steps: &[
            Shows("controlplane $"),
            Keys(F8),
            Shows("Tasks"),
            Types("ssh node01"),
            Shows("node01 $"),
            Types("export KUBECONFIG=/etc/kubernetes/kubelet.conf"),
            Types("k label node controlplane killercoda/one=123"),
            Shows("controlplane labeled"),
            Keys(F4),
            Shows("PATCH"),
            Keys(ENTER),
        ],
    },
    Scene {
        file: "pictures/exam.svg",
        columns: 120,
        rows: 40,
        palette: &DARK,
        config: "",
        arguments: &["start", "--exam", "cks-practice"],
        steps: &[
            Shows("left"),
            Shows("controlplane $"),
            Keys(PREFIX),
            Keys("f"),
            Shows("is marked"),
            Keys(F3),
            Shows("come back to it"),
        ],
    },
    Scene {
        file: "pictures/japanese.svg",
        columns: 120,
        rows: 40,
        palette: &DARK,
        config: "",
        arguments: &["start", "--lang", "ja"],
        steps: &[
            Shows("controlplane $"),
            Keys(F8),
            Types("k label node controlplane killercoda/one=123"),
            Shows("controlplane labeled"),
            Keys(F5),
            Looks(0.5),
        ],
    },
];

/// The film.
pub const FILM: Scene = Scene {
    file: "demo",
    columns: 120,
    rows: 34,
    palette: &DARK,
    config: "",
    arguments: &["start"],
    steps: &[
        Shows("controlplane $"),
        Looks(2.0),
        Keys(F8),
        Shows("Tasks"),
        Looks(2.5),
        // The hole, as the kubelet of node01.
        Types("ssh node01"),
        Shows("node01 $"),
        Types("export KUBECONFIG=/etc/kubernetes/kubelet.conf"),
        Types("k label node controlplane killercoda/one=123"),
        Shows("controlplane labeled"),
        Looks(0.8),
        Keys(F5),
        Shows("expected"),
        Looks(3.0),
        Types("k label node node01 node-restriction.kubernetes.io/one=123"),
        Shows("node01 labeled"),
        Looks(0.5),
        Keys(F5),
        Shows("passed"),
        Looks(1.5),
        // The plugin is switched on.
        Keys(F8),
        Looks(1.5),
        Types("exit"),
        Types("vi /etc/kubernetes/manifests/kube-apiserver.yaml"),
        Shows("apiVersion: v1"),
        Looks(0.8),
        Enters("/client-ca\r"),
        Keys("o"),
        Enters("- --enable-admission-plugins=NodeRestriction\x1b"),
        Looks(0.8),
        Enters(":wq\r"),
        Shows("API DOWN"),
        Looks(0.5),
        Shows("API up"),
        Types("k get nodes"),
        Shows("VERSION"),
        Looks(0.5),
        Keys(F5),
        Looks(3.0),
        // It refuses now, and the X-ray says who did.
        Keys(F8),
        Types("clear; ssh node01"),
        Shows("node01 $"),
        Types("export KUBECONFIG=/etc/kubernetes/kubelet.conf"),
        Types("k label node controlplane killercoda/two=123"),
        Shows("is not allowed to modify node"),
        Looks(1.5),
        Keys(F4),
        Shows("PATCH"),
        Keys(ENTER),
        Looks(5.0),
    ],
};
