//! Requests as they passed the API server's chain, and what each part of it did, in words. Pure.

use crate::apiserver::audit::{Entry, UNSEEN};
use crate::text::tr;

/// Which requests are shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Filter {
    /// All of them.
    All,
    /// Those of programs that the learner ran.
    #[default]
    Mine,
    /// Those made as a kubelet, whoever made them.
    Kubelets,
    /// Those that were refused.
    Refused,
}

impl Filter {
    /// All of them, in the order in which they are gone through.
    pub const ALL: [Self; 4] = [Self::Mine, Self::Kubelets, Self::Refused, Self::All];

    /// The one after it.
    pub fn next(self) -> Self {
        let at = Self::ALL.iter().position(|filter| *filter == self).unwrap_or(0);
        Self::ALL.get(at + 1).copied().unwrap_or(Self::Mine)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::All => tr!(tui_xray_all),
            Self::Mine => tr!(tui_xray_mine),
            Self::Kubelets => tr!(tui_xray_kubelets),
            Self::Refused => tr!(tui_xray_refused),
        }
    }

    /// Whether it shows a request.
    pub fn shows(self, entry: &Entry) -> bool {
        match self {
            Self::All => true,
            Self::Mine => entry.is_of_a_person() && !looks_around(entry),
            Self::Kubelets => entry.user.starts_with("system:node:"),
            Self::Refused => refused(entry),
        }
    }
}

/// Whether a client only asks what the server knows, as kubectl does before it asks for anything.
fn looks_around(entry: &Entry) -> bool {
    let path = entry.uri.split('?').next().unwrap_or_default();
    let known = path == "/api" || ["/apis", "/api/", "/openapi/"].iter().any(|of| path.starts_with(of));
    entry.resource.is_empty() && known && !refused(entry)
}

/// Whether the chain said no: not a server's error, and not an object that is not there.
fn refused(entry: &Entry) -> bool {
    matches!(entry.code, 401 | 403) || entry.admission.iter().any(|note| note.refused.is_some())
}

/// The X-ray as the learner set it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Xray {
    /// Which requests are shown.
    pub filter: Filter,
    /// Whether no new ones come in.
    pub paused: bool,
    /// The number of the request that is selected; `None` is the newest, as it comes.
    pub selected: Option<u64>,
    /// Whether the selected one is shown with all its fields.
    pub open: bool,
    /// The first line seen of one that is shown with all its fields.
    pub line: usize,
    /// Whether the cluster keeps no record at all.
    pub blind: bool,
    /// Whether only the requests of checks are recorded.
    pub own: bool,
}

impl Xray {
    /// The requests that are shown, oldest first.
    pub fn shown<'a>(&self, entries: &'a [Entry]) -> Vec<&'a Entry> {
        entries.iter().filter(|entry| self.filter.shows(entry)).collect()
    }

    /// The index of the selected one among those shown.
    pub fn at(&self, shown: &[&Entry]) -> Option<usize> {
        let last = shown.len().checked_sub(1)?;
        match self.selected {
            None => Some(last),
            // One that has fallen out, or is not shown any more: the next one after it.
            Some(number) => Some(shown.partition_point(|entry| entry.sequence < number).min(last)),
        }
    }

    /// Follows the newest one.
    pub fn newest(&mut self) {
        self.fold();
        self.selected = None;
    }

    /// Shows the selected one's line alone.
    pub fn fold(&mut self) {
        (self.open, self.line) = (false, 0);
    }

    /// Selects another one, some further on; beyond the newest is the newest as it comes. One that is explained in more
    /// `lines` than there are rows is read to its end first.
    pub fn step(&mut self, entries: &[Entry], by: i32, (lines, rows): (usize, usize)) {
        let last = lines.saturating_sub(rows);
        let line = self.line.min(last);
        if self.open && ((by < 0 && line > 0) || (by > 0 && line < last)) {
            let far = usize::try_from(by.unsigned_abs()).unwrap_or(usize::MAX);
            self.line = if by < 0 { line.saturating_sub(far) } else { line.saturating_add(far).min(last) };
            return;
        }
        self.line = 0;
        let shown = self.shown(entries);
        let Some(at) = self.at(&shown) else { return };
        let far = usize::try_from(by.unsigned_abs()).unwrap_or(usize::MAX);
        let to = if by < 0 { at.saturating_sub(far) } else { at.saturating_add(far).min(shown.len() - 1) };
        // One that is read must not move on by itself.
        let newest = to + 1 == shown.len() && !self.open;
        self.selected = if newest { None } else { shown.get(to).map(|entry| entry.sequence) };
    }

    /// Selects the one with this number; where it is selected already, shows or hides its fields.
    pub fn pick(&mut self, entries: &[Entry], number: u64) {
        let shown = self.shown(entries);
        let selected = self.at(&shown).and_then(|at| shown.get(at)).map(|entry| entry.sequence);
        if selected == Some(number) {
            return self.toggle(entries);
        }
        self.fold();
        self.selected = Some(number);
    }

    /// Shows all fields of the selected one, or its line alone.
    pub fn toggle(&mut self, entries: &[Entry]) {
        let shown = self.shown(entries);
        (self.open, self.line) = (!self.open && !shown.is_empty(), 0);
        if self.open {
            self.selected = self.at(&shown).and_then(|at| shown.get(at)).map(|entry| entry.sequence);
        }
    }
}

/// `nodes/controlplane/status`, or the path of what is no object.
pub fn object(entry: &Entry) -> String {
    let mut text = match (entry.resource.as_str(), entry.name.as_str()) {
        ("", _) => return entry.uri.clone(),
        (resource, "") => resource.to_owned(),
        (resource, name) => format!("{resource}/{name}"),
    };
    if !entry.subresource.is_empty() {
        text = format!("{text}/{}", entry.subresource);
    }
    text
}

/// What admission did, in a few words.
pub fn admission_in_short(entry: &Entry) -> String {
    let refused = entry.admission.iter().find(|note| note.refused.is_some());
    match (refused, entry.admission.len()) {
        (Some(note), _) => tr!(tui_xray_refused_by { plugin: note.plugin }),
        (None, 0) => tr!(tui_xray_no_admission).to_owned(),
        (None, count) => {
            tr!(tui_xray_passed { count })
        }
    }
}

/// Everything that is known of a request: what it is about, and a sentence.
pub fn explain(entry: &Entry) -> Vec<(&'static str, String)> {
    let mut lines = vec![(tr!(tui_xray_who), who(entry))];
    if let Some(impersonator) = &entry.impersonator {
        lines.push(("", tr!(tui_xray_impersonated { impersonator })));
    }
    if !entry.user_agent.is_empty() {
        lines.push((tr!(tui_xray_client), entry.user_agent.clone()));
    }
    let verb = entry.verb.to_uppercase();
    let object = object(entry);
    lines.push((
        tr!(tui_xray_what),
        match entry.namespace.as_str() {
            "" => format!("{verb} {object}"),
            namespace => tr!(tui_xray_in_namespace { verb, object, namespace }),
        },
    ));
    if object != entry.uri {
        lines.push(("", entry.uri.clone()));
    }
    if entry.dry_run {
        lines.push(("", tr!(tui_xray_dry).to_owned()));
    }
    if let Some(body) = entry.request_body.as_ref().filter(|body| !body.trim().is_empty()) {
        let line: String = body.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(400).collect();
        lines.push((tr!(tui_xray_body), line));
    }
    if entry.decision == UNSEEN {
        lines.push((tr!(tui_xray_may), tr!(tui_xray_unseen).to_owned()));
    } else {
        lines.extend(may(entry));
        lines.extend(admission(entry));
    }
    lines.push((tr!(tui_xray_result), result(entry)));
    lines
}

fn who(entry: &Entry) -> String {
    let user = &entry.user;
    // The server itself adds this group to whoever it knows; a certificate does not carry it.
    let groups: Vec<&str> =
        entry.groups.iter().map(String::as_str).filter(|group| *group != "system:authenticated").collect();
    let groups = if groups.is_empty() { "-".to_owned() } else { groups.join(", ") };
    match entry.authenticated_by.as_str() {
        // Who acts as another shows his own certificate, not this user's.
        "x509" if entry.impersonator.is_none() => tr!(tui_xray_by_certificate { user, groups }),
        "token" if entry.impersonator.is_none() => tr!(tui_xray_by_token { user, groups }),
        "anonymous" => tr!(tui_xray_by_nobody { user, groups }),
        how => tr!(tui_xray_by_other { user, groups, how }),
    }
}

fn may(entry: &Entry) -> Vec<(&'static str, String)> {
    let sentence = match (entry.decision.as_str(), entry.authorizer.as_str()) {
        ("allow", "Node") => tr!(tui_xray_allow_node).to_owned(),
        ("allow", "system:masters") => tr!(tui_xray_allow_masters).to_owned(),
        ("allow", authorizer) => tr!(tui_xray_allow_by { authorizer }),
        ("", _) => tr!(tui_xray_no_answer).to_owned(),
        _ => tr!(tui_xray_forbid).to_owned(),
    };
    let reason = (!entry.reason.is_empty()).then(|| ("", entry.reason.clone()));
    std::iter::once((tr!(tui_xray_may), sentence)).chain(reason).collect()
}

fn admission(entry: &Entry) -> Vec<(&'static str, String)> {
    let label = tr!(tui_xray_admission);
    if entry.reads() {
        return vec![(label, tr!(tui_xray_reads).to_owned())];
    }
    if entry.admission.is_empty() {
        return vec![(label, tr!(tui_xray_not_reached).to_owned())];
    }
    let plugins = entry.admission.iter().map(|note| note.plugin.as_str()).collect::<Vec<_>>().join(", ");
    let refused = entry.admission.iter().find_map(|note| Some((&note.plugin, note.refused.as_ref()?)));
    let sentence = match refused {
        Some((plugin, why)) => tr!(tui_xray_stopped { plugins, plugin, why }),
        None => tr!(tui_xray_ran { plugins }),
    };
    let restricted =
        entry.user.starts_with("system:node:") && matches!(entry.resource.as_str(), "nodes" | "pods");
    let loaded = entry.admission.iter().any(|note| note.plugin == "NodeRestriction");
    let missing =
        (restricted && !loaded && refused.is_none()).then(|| ("", tr!(tui_xray_not_loaded).to_owned()));
    std::iter::once((label, sentence)).chain(missing).collect()
}

fn result(entry: &Entry) -> String {
    let code = entry.code;
    let millis = format!("{}.{}", entry.micros / 1000, entry.micros / 100 % 10);
    match &entry.resource_version {
        _ if code >= 400 => format!("{code}: {}", entry.message),
        Some(version) => tr!(tui_xray_stored { code, version, millis }),
        None => tr!(tui_xray_ok { code, millis }),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::super::fixture::request;
    use super::*;
    use crate::apiserver::audit::AdmissionNote;

    fn note(plugin: &str, refused: Option<&str>) -> AdmissionNote {
        AdmissionNote { plugin: plugin.into(), refused: refused.map(Into::into) }
    }

    fn said(entry: &Entry, label: &str) -> String {
        let lines = explain(entry);
        let from = lines.iter().position(|(l, _)| *l == label).unwrap();
        let rest = lines.iter().skip(from + 1).take_while(|(l, _)| l.is_empty());
        lines
            .iter()
            .skip(from)
            .take(1)
            .chain(rest)
            .map(|(_, text)| text.as_str())
            .collect::<Vec<_>>()
            .join("\n")
    }

    #[test]
    fn filters_tell_the_learners_requests_from_the_clusters_own() {
        let by = |user: &str, agent: &str, code| Entry {
            user: user.into(),
            user_agent: agent.into(),
            code,
            ..request(1)
        };
        let table = [
            (by("kubernetes-admin", "kubectl/v1.31.0", 200), [true, false, false]),
            (by("system:node:node01", "kubectl/v1.31.0", 403), [true, true, true]),
            (by("system:node:node01", "kubelet/v1.31.0", 200), [false, true, false]),
            (by("system:kube-scheduler", "kube-scheduler", 409), [false, false, false]),
            (by("kubernetes-admin", "", 200), [false, false, false]),
            (by("system:anonymous", "curl/8.5.0", 401), [true, false, true]),
            (by("kubernetes-admin", "kubectl", 404), [true, false, false]),
        ];
        for (entry, expected) in table {
            let shown = [Filter::Mine, Filter::Kubelets, Filter::Refused].map(|filter| filter.shows(&entry));
            assert_eq!(shown, expected, "{} {}", entry.user, entry.user_agent);
            assert!(Filter::All.shows(&entry));
        }
        let asks = |uri: &str, code| Entry {
            resource: String::new(),
            uri: uri.into(),
            ..by("kubernetes-admin", "kubectl/v1.31.0", code)
        };
        for (uri, code, shown) in [
            ("/api?timeout=32s", 200, false),
            ("/apis/apps/v1", 200, false),
            ("/openapi/v3", 200, false),
            ("/api", 403, true),
            ("/version", 200, true),
            ("/healthz", 200, true),
        ] {
            assert_eq!(Filter::Mine.shows(&asks(uri, code)), shown, "{uri}");
            assert!(Filter::All.shows(&asks(uri, code)));
        }
        assert_eq!(Filter::ALL.iter().fold(Filter::Mine, |filter, _| filter.next()), Filter::Mine);
    }

    #[test]
    fn the_same_patch_is_told_apart_by_the_plugin() {
        let mut open = request(1);
        open.admission = vec![note("NamespaceLifecycle", None), note("ServiceAccount", None)];
        assert!(said(&open, "who").contains("CN system:node:node01, O system:nodes"));
        assert!(said(&open, "may it").contains("Node authorizer allowed it"));
        assert!(said(&open, "admission").contains("NodeRestriction is not among them"));
        let mut shut = open.clone();
        shut.admission = vec![note("NodeRestriction", Some("is not allowed to modify node"))];
        (shut.code, shut.message) = (403, "nodes \"controlplane\" is forbidden".into());
        assert!(said(&shut, "admission").contains("NodeRestriction refused it: is not allowed"));
        assert!(said(&shut, "may it").contains("Node authorizer allowed it"), "that part is the same");
        assert_eq!(said(&shut, "result"), "403: nodes \"controlplane\" is forbidden");
    }

    #[test]
    fn each_part_of_the_chain_has_its_sentence() {
        type Row = (fn(&mut Entry), &'static str, &'static str);
        let table: [Row; 8] = [
            (|e| e.verb = "get".into(), "admission", "reads do not pass"),
            (
                |e| (e.decision, e.authorizer) = ("forbid".into(), String::new()),
                "may it",
                "no authorizer allowed it",
            ),
            (|e| e.authorizer = "system:masters".into(), "may it", "may do everything"),
            (
                |e| (e.authorizer, e.reason) = ("RBAC".into(), "RBAC: allowed by RoleBinding \"x\"".into()),
                "may it",
                "allowed by RoleBinding",
            ),
            (|e| e.authenticated_by = "token".into(), "who", "bearer token"),
            (|e| e.authenticated_by = "anonymous".into(), "who", "no credentials"),
            (
                |e| e.impersonator = Some("kubernetes-admin".into()),
                "who",
                "kubernetes-admin acted as this user",
            ),
            (|e| e.dry_run = true, "what", "dry run"),
        ];
        for (change, label, expected) in table {
            let mut entry = request(1);
            change(&mut entry);
            assert!(said(&entry, label).contains(expected), "{expected}: {:?}", explain(&entry));
        }
    }

    #[test]
    fn the_selection_follows_the_newest_until_one_is_read() {
        let entries: Vec<Entry> = (1..=5).map(request).collect();
        let mut xray = Xray { filter: Filter::All, ..Xray::default() };
        let at = |xray: &Xray, entries: &[Entry]| xray.at(&xray.shown(entries));
        assert_eq!(at(&xray, &entries), Some(4));
        xray.step(&entries, -2, (0, 9));
        assert_eq!(xray.selected, Some(3));
        xray.step(&entries, 9, (0, 9));
        assert_eq!(xray.selected, None);
        xray.toggle(&entries);
        assert_eq!((xray.open, xray.selected), (true, Some(5)));
        let later: Vec<Entry> = (3..=9).map(request).collect();
        assert_eq!(at(&xray, &later), Some(2), "what is read stays");
        xray.selected = Some(1);
        assert_eq!(at(&xray, &later), Some(0), "one that fell out is followed by the oldest");
        assert_eq!(at(&xray, &[]), None);
    }

    #[test]
    fn what_is_explained_in_more_lines_than_there_are_is_read_to_its_end() {
        let entries: Vec<Entry> = (1..=3).map(request).collect();
        let mut xray = Xray { filter: Filter::All, ..Xray::default() };
        xray.pick(&entries, 2);
        assert_eq!((xray.selected, xray.open), (Some(2), false));
        xray.pick(&entries, 2);
        assert!(xray.open);
        for expected in [(2, 1), (2, 2), (2, 3), (3, 0)] {
            xray.step(&entries, 1, (13, 10));
            assert_eq!((xray.selected, xray.line), (Some(expected.0), expected.1));
        }
        xray.step(&entries, -1, (13, 10));
        assert_eq!((xray.selected, xray.open), (Some(2), true));
        xray.fold();
        assert_eq!((xray.line, xray.open), (0, false));
    }

    #[test]
    fn of_a_request_that_a_client_recorded_nothing_is_said_that_it_did_not_see() {
        let seen = Entry { decision: UNSEEN.into(), authorizer: String::new(), ..request(1) };
        assert!(said(&seen, "may it").contains("audit log"));
        assert!(!explain(&seen).iter().any(|(label, _)| *label == "admission"));
    }
}
