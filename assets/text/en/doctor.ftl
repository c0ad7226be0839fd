# cks-lab doctor.
doctor_not_found = not found
doctor_install_bash = install bash: the nodes' shells are the machine's own
doctor_built_in = not found; a built-in one stands in
doctor_install = install { $program } for the real one
doctor_needs_terminal = the terminal program needs one; --plain and up do not
doctor_make_larger = make the window at least 60x20, or use --plain
doctor_set_home = set CKS_LAB_HOME to a directory that you can write
doctor_set_any_home = set CKS_LAB_HOME
doctor_free = { $free } MiB free
doctor_make_room = make room: a lab needs up to 100 MiB
doctor_file_system = is the file system there?
doctor_allow_max = allow them: sudo sysctl -w user.max_user_namespaces=15000
doctor_allow_clone = allow them: sudo sysctl -w kernel.unprivileged_userns_clone=1
doctor_allow_apparmor = allow them: sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0, or give cks-lab an AppArmor profile with `userns,`
doctor_refused = refused: { $found }
doctor_meanwhile = { $remedy }; meanwhile nodes are plain directories (--plain-nodes)
doctor_no_user_namespaces = this kernel has no user namespaces
doctor_use_kernel = use a kernel with CONFIG_USER_NS
doctor_setting_is = { $setting } is { $value }
doctor_pod = have its pod run with securityContext.seccompProfile.type=Unconfined and procMount: Unmasked
doctor_container = start the container with { $kind } run { $docker }
doctor_allow_there = allow them where this program was started (of a container: { $docker })
doctor_whatever = whatever started this program
doctor_covers_proc = { $name } covers parts of /proc, and then the kernel lets nobody mount another ({ $why })
doctor_seccomp = { $name } filters system calls (seccomp), and with them unshare(2) ({ $why })
doctor_no_admin = root has no CAP_SYS_ADMIN here ({ $why })
doctor_many_namespaces = there are as many namespaces as this user may have ({ $why })
doctor_end_labs = end some labs, or: sudo sysctl -w user.max_user_namespaces=15000
doctor_ask = ask whoever runs this machine for user namespaces
doctor_none = none
doctor_unknown = unknown
doctor_allowed = allowed
doctor_landlock_used = used, version { $version }: no devices, no mounts, no sockets or signals out of a node
doctor_landlock_without_scopes = used, version { $version }: no devices, no mounts; for sockets and signals the namespaces stand in
doctor_landlock_missing = not used (version { $version } of the kernel): namespaces and the filter of system calls stand in
doctor_landlock_kernel = for it, use a kernel of 5.19 or later with landlock in its list of security modules (lsm=)
doctor_seccomp_used = used: a node mounts nothing, makes no namespaces, loads nothing into the kernel
doctor_seccomp_missing = not used: this kernel filters no system calls; the namespaces stand in
doctor_seccomp_kernel = for it, use a kernel with CONFIG_SECCOMP_FILTER
doctor_memory_capped = the nodes of a lab may have { $most } MiB together
doctor_memory_uncapped = no limit on the nodes of a lab together, { $each } MiB for each process ({ $why })
doctor_cap_memory = for one, start it in a scope of your own: systemd-run --user --scope -p Delegate=yes cks-lab
doctor_layer_there = there
doctor_layer_missing = missing: { $why }
doctor_layer_option = without it there are no nodes in namespaces; use a kernel with { $option }
doctor_cgroup_option = for a view of control groups of their own, use a kernel with { $option }; the nodes' one is covered meanwhile
doctor_veth_used = used: each node has a network of its own
doctor_veth_missing = not used ({ $why }): the nodes share a network
doctor_veth_module = for it, sudo modprobe veth, or use a kernel with CONFIG_VETH
doctor_idmap_used = used: root's nodes run as nobody that this machine knows
doctor_idmap_needless = not needed: nodes run as you
doctor_idmap_missing = not used ({ $why }): root's nodes run as root of a user namespace
doctor_idmap_kernel = for it, have { $home } on a file system that translates owners (ext4, xfs, btrfs; tmpfs from Linux 6.3), or start cks-lab as an ordinary user
doctor_mounts_kernel = without it there are no nodes in namespaces; use a kernel of 5.12 or later
