# cks-lab doctor.
doctor_not_found = 見つかりません
doctor_install_bash = bash をインストールしてください。ノードのシェルにはこのマシンのものを使います
doctor_built_in = 見つかりません。内蔵のものを使います
doctor_install = 本物を使うには { $program } をインストールしてください
doctor_needs_terminal = 全画面プログラムには端末が必要です。--plain と up では不要です
doctor_make_larger = ウィンドウを 60x20 以上にするか、--plain を使ってください
doctor_set_home = CKS_LAB_HOME に書き込めるディレクトリを指定してください
doctor_set_any_home = CKS_LAB_HOME を設定してください
doctor_free = 空き { $free } MiB
doctor_make_room = 空きを作ってください。ラボには最大 100 MiB が必要です
doctor_file_system = ファイルシステムはありますか?
doctor_allow_max = 許可するには: sudo sysctl -w user.max_user_namespaces=15000
doctor_allow_clone = 許可するには: sudo sysctl -w kernel.unprivileged_userns_clone=1
doctor_allow_apparmor = 許可するには: sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0、または cks-lab に `userns,` を含む AppArmor プロファイルを与えてください
doctor_refused = 使えません: { $found }
doctor_meanwhile = { $remedy }。それまでノードは通常のディレクトリになります (--plain-nodes)
doctor_no_user_namespaces = このカーネルにはユーザー名前空間がありません
doctor_use_kernel = CONFIG_USER_NS を有効にしたカーネルを使ってください
doctor_setting_is = { $setting } が { $value } です
doctor_pod = Pod を securityContext.seccompProfile.type=Unconfined と procMount: Unmasked で実行してください
doctor_container = コンテナを { $kind } run { $docker } で起動してください
doctor_allow_there = このプログラムを起動した環境で許可してください (コンテナの場合: { $docker })
doctor_whatever = このプログラムを起動した環境
doctor_covers_proc = { $name }が /proc の一部を隠しているため、カーネルは別の /proc のマウントを許可しません ({ $why })
doctor_seccomp = { $name }がシステムコールを制限しており (seccomp)、unshare(2) も使えません ({ $why })
doctor_no_admin = ここの root には CAP_SYS_ADMIN がありません ({ $why })
doctor_many_namespaces = このユーザーが作れる名前空間の数の上限に達しています ({ $why })
doctor_end_labs = ラボをいくつか終了するか、次を実行してください: sudo sysctl -w user.max_user_namespaces=15000
doctor_ask = このマシンの管理者に、ユーザー名前空間を使えるように依頼してください
doctor_none = ありません
doctor_unknown = 不明
doctor_allowed = 使えます
doctor_landlock_used = 使用中、バージョン { $version }: ノードからのデバイス、マウント、ソケット、シグナルを防ぎます
doctor_landlock_without_scopes = 使用中、バージョン { $version }: デバイスとマウントを防ぎます。ソケットとシグナルは名前空間が代わりに防ぎます
doctor_landlock_missing = 不使用（カーネルのバージョン { $version }）: 名前空間とシステムコールのフィルターが代わりに防ぎます
doctor_landlock_kernel = 使うには、セキュリティモジュールの一覧（lsm=）に landlock がある 5.19 以降のカーネルを使用してください
doctor_seccomp_used = 使用中: ノードはマウント、名前空間の作成、カーネルへの読み込みができません
doctor_seccomp_missing = 不使用: このカーネルはシステムコールをフィルターできません。名前空間が代わりに防ぎます
doctor_seccomp_kernel = 使うには、CONFIG_SECCOMP_FILTER のあるカーネルを使用してください
doctor_memory_capped = ラボのノードは合わせて { $most } MiB まで使えます
doctor_memory_uncapped = ラボのノード全体の上限はありません。各プロセスの上限は { $each } MiB です（{ $why }）
doctor_cap_memory = 上限を付けるには、自分のスコープで起動してください: systemd-run --user --scope -p Delegate=yes cks-lab
doctor_layer_there = あります
doctor_layer_missing = ありません: { $why }
doctor_layer_option = これがないと名前空間のノードは作れません。{ $option } のあるカーネルを使ってください
doctor_cgroup_option = ノード専用の cgroup の見え方には { $option } のあるカーネルを使ってください。それまではノードから隠されます
doctor_veth_used = 使用します: ノードごとに専用のネットワークがあります
doctor_veth_missing = 使用しません ({ $why }): ノードは 1 つのネットワークを共有します
doctor_veth_module = 使うには sudo modprobe veth を実行するか、CONFIG_VETH のあるカーネルを使ってください
doctor_idmap_used = 使用します: root のノードは、このマシンの知らないユーザーとして動きます
doctor_idmap_needless = 不要です: ノードはあなたのユーザーとして動きます
doctor_idmap_missing = 使用しません ({ $why }): root のノードはユーザー名前空間の root として動きます
doctor_idmap_kernel = 使うには { $home } を所有者を変換できるファイルシステム (ext4、xfs、btrfs、Linux 6.3 以降の tmpfs) に置くか、cks-lab を一般ユーザーで起動してください
doctor_mounts_kernel = これがないと名前空間のノードは作れません。5.12 以降のカーネルを使ってください
