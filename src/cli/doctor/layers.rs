//! The layers of the kernel that nodes are made of, each by itself: whether it is here, and what to do where it is not.

use super::{Item, Level, existing};
use crate::node::linux::probe::{self, Layer, Tried};
use crate::state_dir;
use crate::text::tr;

/// What came of trying each layer.
pub fn items(is_root: bool) -> Vec<Item> {
    let home = state_dir::home().ok().as_deref().and_then(existing).unwrap_or_else(|| "/".into());
    let tried = probe::all(&home).unwrap_or_default();
    tried.iter().map(|tried| item(tried, is_root, &home.display().to_string())).collect()
}

fn item((layer, tried): &Tried, is_root: bool, home: &str) -> Item {
    let id = layer.name();
    let fine = |text: &str| Item::new(id, Level::Ok, text, "");
    match (layer, tried) {
        (Layer::IdmappedMounts, _) if !is_root => fine(tr!(doctor_idmap_needless)),
        (Layer::Namespace(..) | Layer::MountAttributes, Ok(())) => fine(tr!(doctor_layer_there)),
        (Layer::Cables, Ok(())) => fine(tr!(doctor_veth_used)),
        (Layer::IdmappedMounts, Ok(())) => fine(tr!(doctor_idmap_used)),
        (Layer::Namespace("cgroup", _, option), Err(why)) => {
            let found = tr!(doctor_layer_missing { why });
            Item::new(id, Level::Warning, found, tr!(doctor_cgroup_option { option }))
        }
        (Layer::Namespace(_, _, option), Err(why)) => {
            let found = tr!(doctor_layer_missing { why });
            Item::new(id, Level::Warning, found, tr!(doctor_layer_option { option }))
        }
        (Layer::Cables, Err(why)) => {
            Item::new(id, Level::Warning, tr!(doctor_veth_missing { why }), tr!(doctor_veth_module))
        }
        (Layer::IdmappedMounts, Err(why)) => Item::new(
            id,
            Level::Warning,
            tr!(doctor_idmap_missing { why }),
            tr!(doctor_idmap_kernel { home }),
        ),
        (Layer::MountAttributes, Err(why)) => {
            let found = tr!(doctor_layer_missing { why });
            Item::new(id, Level::Warning, found, tr!(doctor_mounts_kernel))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_has_its_remedy() {
        for layer in probe::LAYERS {
            let there = item(&(*layer, Ok(())), true, "/x");
            assert!(there.level == Level::Ok && there.remedy.is_empty(), "{there:?}");
            let missing = item(&(*layer, Err("no".into())), true, "/x");
            assert!(missing.level == Level::Warning && missing.found.contains("no"), "{missing:?}");
            let remedies = ["CONFIG_", "modprobe veth", "/x on a file system", "5.12"];
            assert!(remedies.iter().any(|r| missing.remedy.contains(r)), "{missing:?}");
        }
        let ordinary = item(&(Layer::IdmappedMounts, Err("no".into())), false, "/x");
        assert_eq!(ordinary.level, Level::Ok);
    }
}
