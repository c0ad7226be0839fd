//! The types of `meta.k8s.io` and of discovery that answers are made of: their fields in the order of the Go declarations, with
//! their numbers in Protocol Buffers.
//!
//! Upstream: `k8s.io/apimachinery/pkg/apis/meta/v1/{types.go,generated.proto}`, `k8s.io/api/apidiscovery/v2`.

/// What a field holds.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// A string.
    Text,
    /// A number that is always there.
    Number,
    /// A number that may be missing.
    Pointer,
    /// True or false.
    Flag,
    /// Strings.
    Texts,
    /// Strings in a message of their own.
    Verbs,
    /// A message that is always there.
    One(&'static Message),
    /// A message that may be missing.
    Maybe(&'static Message),
    /// Messages.
    Many(&'static Message),
    /// An object's metadata.
    ObjectMeta,
    /// Any value; there is no form in Protocol Buffers.
    Any,
}

/// A type.
#[derive(Debug)]
pub struct Message {
    /// Name, number and content of each field.
    pub fields: &'static [(&'static str, u32, Kind)],
}

impl Message {
    /// The content of a field.
    pub fn field(&self, name: &str) -> Option<Kind> {
        self.fields.iter().find(|(known, ..)| *known == name).map(|(.., kind)| *kind)
    }

    /// Whether all of it can be written as Protocol Buffers.
    pub fn has_protobuf(&self) -> bool {
        !self.fields.iter().any(|(.., kind)| match kind {
            Kind::Any => true,
            Kind::One(inner) | Kind::Maybe(inner) | Kind::Many(inner) => !inner.has_protobuf(),
            _ => false,
        })
    }
}

/// The type of a kind.
pub fn of(kind: &str) -> Option<&'static Message> {
    KINDS.iter().find(|(known, _)| *known == kind).map(|(_, message)| *message)
}

const KINDS: [(&str, &Message); 9] = [
    ("Status", &STATUS),
    ("APIVersions", &API_VERSIONS),
    ("APIGroupList", &API_GROUP_LIST),
    ("APIGroup", &API_GROUP),
    ("APIResourceList", &API_RESOURCE_LIST),
    ("APIGroupDiscoveryList", &API_GROUP_DISCOVERY_LIST),
    ("Table", &TABLE),
    ("PartialObjectMetadata", &PARTIAL),
    ("PartialObjectMetadataList", &PARTIAL_LIST),
];

/// The metadata of a list.
pub static LIST_META: Message = Message {
    fields: &[
        ("selfLink", 1, Kind::Text),
        ("resourceVersion", 2, Kind::Text),
        ("continue", 3, Kind::Text),
        ("remainingItemCount", 4, Kind::Pointer),
    ],
};

static STATUS: Message = Message {
    fields: &[
        ("metadata", 1, Kind::One(&LIST_META)),
        ("status", 2, Kind::Text),
        ("message", 3, Kind::Text),
        ("reason", 4, Kind::Text),
        ("details", 5, Kind::Maybe(&STATUS_DETAILS)),
        ("code", 6, Kind::Number),
    ],
};

static STATUS_DETAILS: Message = Message {
    fields: &[
        ("name", 1, Kind::Text),
        ("group", 2, Kind::Text),
        ("kind", 3, Kind::Text),
        ("uid", 6, Kind::Text),
        ("causes", 4, Kind::Many(&STATUS_CAUSE)),
        ("retryAfterSeconds", 5, Kind::Number),
    ],
};

static STATUS_CAUSE: Message =
    Message { fields: &[("reason", 1, Kind::Text), ("message", 2, Kind::Text), ("field", 3, Kind::Text)] };

static API_VERSIONS: Message = Message {
    fields: &[
        ("versions", 1, Kind::Texts),
        ("serverAddressByClientCIDRs", 2, Kind::Many(&SERVER_ADDRESS_BY_CLIENT_CIDR)),
    ],
};

static SERVER_ADDRESS_BY_CLIENT_CIDR: Message =
    Message { fields: &[("clientCIDR", 1, Kind::Text), ("serverAddress", 2, Kind::Text)] };

static API_GROUP_LIST: Message = Message { fields: &[("groups", 1, Kind::Many(&API_GROUP))] };

static API_GROUP: Message = Message {
    fields: &[
        ("name", 1, Kind::Text),
        ("versions", 2, Kind::Many(&GROUP_VERSION)),
        ("preferredVersion", 3, Kind::One(&GROUP_VERSION)),
        ("serverAddressByClientCIDRs", 4, Kind::Many(&SERVER_ADDRESS_BY_CLIENT_CIDR)),
    ],
};

static GROUP_VERSION: Message =
    Message { fields: &[("groupVersion", 1, Kind::Text), ("version", 2, Kind::Text)] };

static API_RESOURCE_LIST: Message =
    Message { fields: &[("groupVersion", 1, Kind::Text), ("resources", 2, Kind::Many(&API_RESOURCE))] };

static API_RESOURCE: Message = Message {
    fields: &[
        ("name", 1, Kind::Text),
        ("singularName", 6, Kind::Text),
        ("namespaced", 2, Kind::Flag),
        ("group", 8, Kind::Text),
        ("version", 9, Kind::Text),
        ("kind", 3, Kind::Text),
        ("verbs", 4, Kind::Verbs),
        ("shortNames", 5, Kind::Texts),
        ("categories", 7, Kind::Texts),
        ("storageVersionHash", 10, Kind::Text),
    ],
};

static API_GROUP_DISCOVERY_LIST: Message = Message {
    fields: &[("metadata", 1, Kind::One(&LIST_META)), ("items", 2, Kind::Many(&API_GROUP_DISCOVERY))],
};

static API_GROUP_DISCOVERY: Message = Message {
    fields: &[("metadata", 1, Kind::ObjectMeta), ("versions", 2, Kind::Many(&API_VERSION_DISCOVERY))],
};

static API_VERSION_DISCOVERY: Message = Message {
    fields: &[
        ("version", 1, Kind::Text),
        ("resources", 2, Kind::Many(&API_RESOURCE_DISCOVERY)),
        ("freshness", 3, Kind::Text),
    ],
};

static API_RESOURCE_DISCOVERY: Message = Message {
    fields: &[
        ("resource", 1, Kind::Text),
        ("responseKind", 2, Kind::Maybe(&GROUP_VERSION_KIND)),
        ("scope", 3, Kind::Text),
        ("singularResource", 4, Kind::Text),
        ("verbs", 5, Kind::Texts),
        ("shortNames", 6, Kind::Texts),
        ("categories", 7, Kind::Texts),
        ("subresources", 8, Kind::Many(&API_SUBRESOURCE_DISCOVERY)),
    ],
};

static API_SUBRESOURCE_DISCOVERY: Message = Message {
    fields: &[
        ("subresource", 1, Kind::Text),
        ("responseKind", 2, Kind::Maybe(&GROUP_VERSION_KIND)),
        ("acceptedTypes", 3, Kind::Many(&GROUP_VERSION_KIND)),
        ("verbs", 4, Kind::Texts),
    ],
};

static GROUP_VERSION_KIND: Message =
    Message { fields: &[("group", 1, Kind::Text), ("version", 2, Kind::Text), ("kind", 3, Kind::Text)] };

static TABLE: Message = Message {
    fields: &[
        ("metadata", 1, Kind::One(&LIST_META)),
        ("columnDefinitions", 2, Kind::Many(&TABLE_COLUMN)),
        ("rows", 3, Kind::Many(&TABLE_ROW)),
    ],
};

static TABLE_COLUMN: Message = Message {
    fields: &[
        ("name", 1, Kind::Text),
        ("type", 2, Kind::Text),
        ("format", 3, Kind::Text),
        ("description", 4, Kind::Text),
        ("priority", 5, Kind::Number),
    ],
};

static TABLE_ROW: Message = Message { fields: &[("cells", 1, Kind::Any), ("object", 3, Kind::Any)] };

static PARTIAL: Message = Message { fields: &[("metadata", 1, Kind::ObjectMeta)] };

static PARTIAL_LIST: Message =
    Message { fields: &[("metadata", 1, Kind::One(&LIST_META)), ("items", 2, Kind::Many(&PARTIAL))] };
