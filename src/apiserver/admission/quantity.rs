//! Amounts of resources that are added and compared, and what pods need.
//!
//! Upstream: `k8s.io/apimachinery/pkg/api/resource/quantity.go`.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::{Add, Sub};

use serde_json::Value;

use crate::apiserver::registry::quantity::{self, Suffix};

/// One, in billionths.
const ONE: i128 = 1_000_000_000;

/// An amount; how it is written makes no difference to comparisons.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Quantity {
    /// In billionths.
    nanos: i128,
    /// How it is written.
    form: Suffix,
}

impl Quantity {
    /// That many.
    pub(super) fn whole(count: i128) -> Self {
        Self { nanos: count * ONE, form: Suffix::Decimal }
    }

    /// The amount in an object: a text, or a bare number.
    pub(super) fn of(value: &Value) -> Option<Self> {
        let (nanos, form) = match value {
            Value::String(text) => quantity::parse(text).ok()?,
            Value::Number(number) => quantity::parse(&number.to_string()).ok()?,
            _ => return None,
        };
        Some(Self { nanos, form })
    }

    /// As a floating point number.
    pub(super) fn as_f64(self) -> f64 {
        self.nanos as f64 / ONE as f64
    }

    /// Whether it is nothing.
    pub(super) fn is_zero(self) -> bool {
        self.nanos == 0
    }
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.nanos == other.nanos
    }
}

impl Eq for Quantity {}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Quantity {
    fn cmp(&self, other: &Self) -> Ordering {
        self.nanos.cmp(&other.nanos)
    }
}

impl Add for Quantity {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        let form = if self.is_zero() { other.form } else { self.form };
        Self { nanos: self.nanos.saturating_add(other.nanos), form }
    }
}

impl Sub for Quantity {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self { nanos: self.nanos.saturating_sub(other.nanos), ..self }
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&quantity::written(self.nanos, self.form))
    }
}

/// Amounts by the resource's name.
pub(super) type ResourceList = BTreeMap<String, Quantity>;

/// The amounts in an object like `{"cpu": "1", "memory": "1Gi"}`; what cannot be read is left out.
pub(super) fn resource_list(value: &Value) -> ResourceList {
    let entries = value.as_object().into_iter().flatten();
    entries.filter_map(|(name, amount)| Some((name.clone(), Quantity::of(amount)?))).collect()
}

/// Adds amounts to a list.
pub(super) fn add(list: &mut ResourceList, more: &ResourceList) {
    for (name, amount) in more {
        let sum = list.get(name).copied().unwrap_or_default() + *amount;
        list.insert(name.clone(), sum);
    }
}

/// Raises amounts of a list to those of another.
fn raise(list: &mut ResourceList, other: &ResourceList) {
    for (name, amount) in other {
        let larger = list.get(name).copied().unwrap_or_default().max(*amount);
        list.insert(name.clone(), larger);
    }
}

/// What a pod needs: the sum of its containers, or what its init containers need where that is more.
///
/// `kind` is `requests` or `limits`. Upstream: `pkg/api/v1/resource/helpers.go`.
pub(super) fn of_pod(pod: &Value, kind: &str) -> ResourceList {
    let amounts = |container: &Value| resource_list(&container["resources"][kind]);
    let containers = |which: &str| pod["spec"][which].as_array().cloned().unwrap_or_default();
    let mut total = ResourceList::new();
    for container in containers("containers") {
        add(&mut total, &amounts(&container));
    }
    let (mut sidecars, mut init) = (ResourceList::new(), ResourceList::new());
    for container in containers("initContainers") {
        let mut own = amounts(&container);
        if container["restartPolicy"] == "Always" {
            add(&mut total, &own);
            add(&mut sidecars, &own);
            own = sidecars.clone();
        } else {
            add(&mut own, &sidecars);
        }
        raise(&mut init, &own);
    }
    raise(&mut total, &init);
    total
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn sums_keep_the_form_of_their_first_part() {
        let of = |text: &str| Quantity::of(&text.into()).unwrap();
        for (one, other, sum) in
            [("512Mi", "512Mi", "1Gi"), ("500m", "1500m", "2"), ("0", "1Gi", "1Gi"), ("1k", "24", "1024")]
        {
            assert_eq!((of(one) + of(other)).to_string(), sum);
        }
        assert!(of("1Gi") > of("1G") && (of("2") - of("2")).is_zero());
        assert_eq!((of("1024"), of("1Gi")), (of("1Ki"), of("1024Mi")));
        assert_eq!(Quantity::of(&"x".into()), None);
    }

    #[test]
    fn a_pod_needs_the_sum_or_the_largest_init_container() {
        let container = |cpu: &str| serde_json::json!({"resources": {"requests": {"cpu": cpu}}});
        let mut sidecar = container("100m");
        sidecar["restartPolicy"] = "Always".into();
        for (init, want) in [
            (vec![], "3"),
            (vec![container("5")], "5"),
            (vec![sidecar.clone()], "3100m"),
            (vec![sidecar, container("5")], "5100m"),
        ] {
            let pod = serde_json::json!({"spec": {"containers": [container("1"), container("2")], "initContainers": init}});
            assert_eq!(of_pod(&pod, "requests")["cpu"].to_string(), want);
        }
    }
}
