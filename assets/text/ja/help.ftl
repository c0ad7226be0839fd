# The command line's help.
help_about = CKS 試験対策のためのターミナルラボです。セキュリティの穴があるクラスター、本物のシェル、クラスターに対する採点がそろっています
help_usage = 使い方:
help_usage_options = オプション
help_usage_command = コマンド
help_commands = コマンド
help_arguments = 引数
help_options = オプション
help_help = このヘルプを表示します
help_version = バージョンを表示します
help_help_command = このヘルプ、または指定したコマンドのヘルプを表示します
help_default = 既定値: { $value }
help_values = 指定できる値: { $values }

help_name = ラボの名前です。複数のラボを区別します
help_lessons = 内蔵のレッスンに加えるレッスンです。ディレクトリか git リポジトリのアドレスを指定します
help_lang = レッスンとプログラムの言語です: en、ja

help_start = ラボを開きます。前回の続きから、またはレッスンの最初から始めます
help_list = レッスンの一覧と得点を表示します
help_up = 全画面プログラムを使わずにラボを起動します。Ctrl-C または SIGTERM で終了します
help_exec = 実行中のラボのノードでコマンドを実行します。終了ステータスはそのコマンドのものです
help_shell = 実行中のラボのノードで対話シェルを開きます
help_check = 実行中のラボを採点します。終了ステータスは 0: すべて合格、1: 不合格あり、2: 判定不能
help_hint = 次のヒントを表示します
help_solve = 解答例を適用します
help_report = 実施内容と得点のレポートを出力します
help_reset = ステップまたはレッスン全体を最初からやり直します
help_restore = 実クラスターに加えた変更を元に戻します
help_lesson = レッスンの作成者向けのコマンドです
help_doctor = このマシンで何ができるか、何が足りないか、どう補うかを表示します
help_completions = シェルの補完スクリプトを出力します
help_man = マニュアルページを出力します
help_man_command = ページを表示するコマンドです

help_lab_lesson = レッスンの ID です。省略すると、途中のレッスンか最初のレッスンになります
help_lab_cluster = クラスターの種類です
help_lab_binaries = local クラスターで使う本物の kube-apiserver と etcd のディレクトリです [既定値: KUBEBUILDER_ASSETS、次に PATH]
help_lab_kubernetes = エミュレートする Kubernetes のリリースです
help_lab_fresh = 今の状態を捨てて、最初から始めます
help_lab_realistic = 待ち時間を短縮せず、実際の kubelet と同じにします
help_lab_plain_nodes = 名前空間が使える環境でも、使わずにノードを作ります
help_lab_port = このマシンのループバックで APIサーバーが使うポートです。0 は空いているポートを使います

help_live = 実クラスター
help_live_context = 実クラスターの kubeconfig コンテキストです
help_live_kubeconfig = 実クラスターの kubeconfig です
help_live_node_access = ノードへの接続方法です: 'NAME=ssh cp sudo -i'、またはドライバー名 (ssh、docker、minikube、lima、multipass、vagrant、kubectl-debug、local)。NAME= を省くと全ノードに適用されます。複数回指定できます
help_live_yes = 変更計画にあらかじめ同意します
help_live_keep = 終了時にクラスターを元に戻しません。あとで `cks-lab restore` で戻せます
help_live_read_only = 準備済みのクラスターを採点するだけで、何も変更しません
help_live_max_nodes = ノード数がこれより多いクラスターでは、もう一度確認します
help_live_wait = APIサーバーの再起動を待つ時間 (秒) です

help_start_exam = 試験モードです。制限時間があり、ヒントはなく、終了時に採点します。LESSON には試験の ID も指定できます
help_start_plain = 全画面を使わず 1 行ずつ表示します。スクリーンリーダー、ログ、遅い回線向けです
help_json = 1 行の JSON で出力します
help_up_json = 準備ができたら 1 行の JSON を出力します
help_node = ノード: controlplane または node01
help_exec_command = コマンドとその引数です
help_check_step = ステップを 1 つ指定します。省略するとすべてのステップになります
help_current_step = ステップです。省略すると現在のステップになります
help_reset_step = ステップを 1 つ指定します。省略するとレッスン全体になります
help_reset_yes = 確認しません
help_report_format = レポートの形式です
help_report_output = 標準出力の代わりに書き込むファイルです
help_report_verify = 提出されたレポート (html、json、markdown、junit) を検証します。終了ステータスは 0: 作成時のまま、1: 変更されている
help_restore_kubeconfig = ラボの開始時とは別の kubeconfig を使います
help_restore_context = 別のコンテキストを使います
help_restore_overwrite = レッスン以外の変更がマニフェストに加えられていても、元のマニフェストに戻します
help_restore_node_access = ラボの開始時とは別の方法でコントロールプレーンに接続します: 'NAME=ssh cp sudo -i'
help_restore_forget = 元に戻すのをやめます (クラスターがもう存在しない場合)。何も戻さず、ジャーナルは別に残します
help_shell_name = シェルの名前です

help_lesson_new = 新しいレッスンのファイルを作ります
help_lesson_new_id = レッスンの ID です
help_lesson_new_into = レッスンのディレクトリを作る場所です
help_lesson_lint = 問題をファイル名と行番号つきで表示します
help_lesson_named = レッスンの ID またはディレクトリです。省略するとすべてのレッスンになります
help_lesson_test = 手つかずのラボは不合格、解答例は合格、誤答はそれぞれ指摘されることを確かめます
help_lesson_test_cluster = クラスターの種類です。複数回指定できます
help_lesson_test_jobs = 同時に動かすラボの数です。0 はプロセッサーと同じ数です
help_lesson_test_kubernetes = テストする Kubernetes のリリースです。省略するとすべてです
help_lesson_preview = レッスンをラボと同じ見た目で表示し、ファイルが変わるたびに更新します
help_lesson_preview_lesson = レッスンのディレクトリ、または ID です
help_lesson_preview_width = 端末がないときに出力する幅 (桁数) です
help_lesson_import = killercoda のシナリオやコースを取り込みます。スクリプトは実行しません
help_lesson_import_scenario = シナリオ (index.json) またはコース (structure.json) のディレクトリです
help_lesson_import_into = レッスンのディレクトリを作る場所です
help_lesson_schema = エディター用に、lesson.yaml の JSON スキーマを出力します
help_cluster_sandbox = 内蔵のクラスターです
help_cluster_local = 同じノードで、本物の kube-apiserver と etcd を動かします
help_cluster_live = kubeconfig で指定した実クラスターです

# Mistakes on the command line, where clap's own English is not enough.
usage_error = エラー:
usage_unknown_argument = '{ $argument }' という引数はありません
usage_unknown_command = '{ $command }' というコマンドはありません
usage_missing = 必要な引数がありません: { $arguments }
usage_missing_command = コマンドを指定してください
usage_value = '{ $argument }' に '{ $value }' は指定できません
usage_no_value = '{ $argument }' には値が必要です
usage_conflict = '{ $argument }' は '{ $other }' と同時に指定できません
usage_other = コマンドの指定を解釈できません
usage_similar = 似たものがあります: { $names }
usage_possible = 指定できる値: { $values }
usage_more = 詳しくは '--help' を指定してください。
help_report_exam = レッスンの代わりに、最後に採点された試験のレポートを出力します
help_list_lesson = レッスンの ID です。全レッスンの代わりに、そのレッスンの挑戦の履歴を表示します
