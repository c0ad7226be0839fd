//! What a request's path and method mean.
//!
//! Upstream: `k8s.io/apiserver/pkg/endpoints/request/requestinfo.go`.

use super::selectors::FieldSelector;

/// A request taken apart (`RequestInfo`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RequestInfo {
    /// Whether the path names an API resource.
    pub is_resource_request: bool,
    /// The path as it came.
    pub path: String,
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`, or the lower-case method.
    pub verb: String,
    /// `api` or `apis`.
    pub api_prefix: String,
    /// The API group; empty for the core group.
    pub api_group: String,
    /// `v1`, ...
    pub api_version: String,
    /// The namespace; empty for cluster-scoped requests.
    pub namespace: String,
    /// The plural name.
    pub resource: String,
    /// `status`, `log`, ...; empty for the object itself.
    pub subresource: String,
    /// The object's name; empty for collections.
    pub name: String,
    /// The path's parts after the version (and namespace).
    pub parts: Vec<String>,
    /// The field selector as it came, for authorization with selectors.
    pub field_selector: String,
    /// The label selector as it came, for authorization with selectors.
    pub label_selector: String,
    /// Why the path cannot be taken apart.
    pub wrong: Option<String>,
}

/// Verbs that older clients put into the path.
const SPECIAL_VERBS: [&str; 2] = ["proxy", "watch"];

impl RequestInfo {
    /// Takes a request apart (`RequestInfoFactory.NewRequestInfo`). `query` is the part after the question mark.
    pub fn parse(method: &str, path: &str, query: &Query) -> Self {
        let mut info = Self { path: path.into(), verb: method.to_lowercase(), ..Self::default() };
        let mut parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        if parts.len() < 3 || !matches!(parts[0], "api" | "apis") {
            return info;
        }
        info.api_prefix = parts.remove(0).into();
        if info.api_prefix == "apis" {
            if parts.len() < 3 {
                info.api_prefix.clear();
                return info;
            }
            info.api_group = parts.remove(0).into();
        }
        info.is_resource_request = true;
        info.api_version = parts.remove(0).into();
        info.verb = match method {
            "POST" => "create",
            "GET" | "HEAD" => "get",
            "PUT" => "update",
            "PATCH" => "patch",
            "DELETE" => "delete",
            _ => "",
        }
        .into();
        if SPECIAL_VERBS.contains(&parts[0]) {
            if parts.len() < 2 {
                info.wrong = Some(format!(
                    "failed to create RequestInfo: unable to determine kind and namespace from url, {path}"
                ));
                return info;
            }
            info.verb = parts.remove(0).into();
        }
        if parts[0] == "namespaces" && parts.len() > 1 {
            info.namespace = parts[1].into();
            if parts.len() > 2 && !matches!(parts[2], "status" | "finalize") {
                parts.drain(..2);
            }
        }
        info.parts = parts.iter().map(|p| (*p).to_owned()).collect();
        info.resource = parts[0].into();
        info.name = parts.get(1).copied().unwrap_or_default().into();
        if info.verb != "proxy" {
            info.subresource = parts.get(2).copied().unwrap_or_default().into();
        }
        if info.name.is_empty() {
            info.read_collection(query);
        }
        info
    }

    /// A request without a name is about a collection.
    fn read_collection(&mut self, query: &Query) {
        match self.verb.as_str() {
            "get" => {
                self.verb = if query.truth("watch") { "watch" } else { "list" }.into();
                self.field_selector = query.get("fieldSelector").unwrap_or_default().into();
                self.label_selector = query.get("labelSelector").unwrap_or_default().into();
                let exact = FieldSelector::parse(&self.field_selector)
                    .ok()
                    .and_then(|fields| fields.exact("metadata.name"));
                if let Some(name) = exact.filter(|n| is_path_segment(n)) {
                    self.name = name;
                }
            }
            "delete" => {
                self.verb = "deletecollection".into();
                self.field_selector = query.get("fieldSelector").unwrap_or_default().into();
                self.label_selector = query.get("labelSelector").unwrap_or_default().into();
            }
            _ => {}
        }
    }
}

/// `path.IsValidPathSegmentName`
fn is_path_segment(name: &str) -> bool {
    !name.is_empty() && name != "." && name != ".." && !name.contains(['/', '%'])
}

/// The parameters of a request's query, decoded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Reads the part after the question mark; escapes that are none stay as they are.
    pub fn parse(text: &str) -> Self {
        let pair = |part: &str| {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            (unescape(key), unescape(value))
        };
        Self(text.split('&').filter(|p| !p.is_empty()).map(pair).collect())
    }

    /// The first value of a parameter.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_str())
    }

    /// All values of a parameter.
    pub fn all(&self, key: &str) -> Vec<&str> {
        self.0.iter().filter(|(k, _)| k == key).map(|(_, v)| v.as_str()).collect()
    }

    /// Whether a flag is set: present and neither `false` nor `0`, as `Convert_Slice_string_To_bool` has it.
    pub fn truth(&self, key: &str) -> bool {
        self.get(key).is_some_and(|v| !matches!(v.to_lowercase().as_str(), "false" | "0"))
    }
}

/// Decodes the escapes of a path; a plus stays one.
pub fn unescape_path(text: &str) -> String {
    unescape(&text.replace('+', "%2B"))
}

/// Whether a percent sign in a path is followed by something else than two hexadecimal digits (`url.Parse`).
pub fn has_bad_escapes(path: &str) -> bool {
    path.split('%').skip(1).any(|rest| {
        let mut digits = rest.bytes();
        !(0..2).all(|_| digits.next().is_some_and(|byte| byte.is_ascii_hexdigit()))
    })
}

fn unescape(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = |i: usize| {
            bytes.get(i).and_then(|b| char::from(*b).to_digit(16)).and_then(|d| u8::try_from(d).ok())
        };
        match (bytes[at], hex(at + 1), hex(at + 2)) {
            (b'+', ..) => out.push(b' '),
            (b'%', Some(high), Some(low)) => {
                out.push(high * 16 + low);
                at += 2;
            }
            (other, ..) => out.push(other),
        }
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_methods_mean_what_upstream_says() {
        // method, path, query -> verb, prefix, group, version, namespace, resource, subresource, name
        let rows = [
            ("GET", "/api/v1/nodes", "", "list api  v1  nodes  "),
            ("GET", "/api/v1/nodes", "watch=true", "watch api  v1  nodes  "),
            ("GET", "/api/v1/nodes", "watch=false", "list api  v1  nodes  "),
            ("GET", "/api/v1/nodes", "fieldSelector=metadata.name%3Da", "list api  v1  nodes  a"),
            ("PATCH", "/api/v1/nodes/n/status", "", "patch api  v1  nodes status n"),
            ("GET", "/api/v1/namespaces/a/pods/p/log", "", "get api  v1 a pods log p"),
            ("GET", "/api/v1/namespaces/a", "", "get api  v1 a namespaces  a"),
            ("PUT", "/api/v1/namespaces/a/finalize", "", "update api  v1 a namespaces finalize a"),
            ("GET", "/api/v1/namespaces", "", "list api  v1  namespaces  "),
            (
                "DELETE",
                "/apis/apps/v1/namespaces/a/deployments",
                "",
                "deletecollection apis apps v1 a deployments  ",
            ),
            ("GET", "/api/v1/watch/pods", "", "watch api  v1  pods  "),
            ("GET", "/api/v1/namespaces//pods", "", "list api  v1  pods  "),
            ("GET", "/api/v1/namespaces/a//pods", "", "get api  v1 a   pods"),
            ("GET", "/api//v1/pods", "", "get api    v1  pods"),
            (
                "POST",
                "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
                "",
                "create apis authorization.k8s.io v1  selfsubjectaccessreviews  ",
            ),
        ];
        for (method, path, query, expected) in rows {
            let i = RequestInfo::parse(method, path, &Query::parse(query));
            let seen = format!(
                "{} {} {} {} {} {} {} {}",
                i.verb,
                i.api_prefix,
                i.api_group,
                i.api_version,
                i.namespace,
                i.resource,
                i.subresource,
                i.name
            );
            assert_eq!(seen, expected, "{method} {path}?{query}");
            assert!(i.is_resource_request);
        }
        for path in ["/", "/version", "/api", "/api/v1", "/apis/apps/v1", "/healthz/ping/x"] {
            let info = RequestInfo::parse("GET", path, &Query::default());
            assert!(!info.is_resource_request && info.verb == "get", "{path}");
        }
    }

    #[test]
    fn paths_that_mean_nothing() {
        let wrong = RequestInfo::parse("GET", "/api/v1/watch", &Query::default()).wrong;
        assert!(wrong.is_some_and(|why| why.ends_with("from url, /api/v1/watch")));
        for (path, bad) in [("/a%2Fb", false), ("/a%zz", true), ("/a%2", true), ("/%", true), ("/a+b", false)]
        {
            assert_eq!(has_bad_escapes(path), bad, "{path}");
        }
    }

    #[test]
    fn queries_are_decoded() {
        let query = Query::parse("a=b+c&d=%2F%zz&a=e&f");
        assert_eq!(query.all("a"), ["b c", "e"]);
        assert_eq!(query.get("d"), Some("/%zz"));
        assert!(query.truth("f") && !query.truth("g"));
    }
}
