# ターミナルプログラム。

# X-ray: API サーバーの処理を通るリクエスト。
tui_xray_title = X-ray: API サーバーへのリクエスト
tui_xray_all = すべて
tui_xray_mine = 自分のもの
tui_xray_kubelets = kubelet
tui_xray_refused = 拒否されたもの
tui_xray_showing = 表示: { $filter } ({ $count } 件)
tui_xray_paused = 一時停止中
tui_xray_none = 該当するリクエストはまだありません。kubectl get nodes を実行すると記録されます。
tui_xray_no_record = このクラスターには、ここから読めるリクエストの記録がありません。
tui_xray_in_short = { $user } ({ $how }) { $arrow } { $authorizer } { $decision } { $arrow } { $admission }
tui_xray_authorization = 認可
tui_xray_refused_by = { $plugin } が拒否
tui_xray_no_admission = アドミッションなし
tui_xray_passed = アドミッションプラグイン { $count } 個を通過
tui_xray_dry_run = dry run
tui_xray_who = 誰が
tui_xray_what = 何を
tui_xray_body = 本文
tui_xray_may = 認可
tui_xray_admission = アドミッション
tui_xray_result = 結果
tui_xray_client = クライアント
tui_xray_by_certificate = クライアント証明書 (CN { $user }、O { $groups })
tui_xray_by_token = { $user } のベアラートークン (グループ { $groups })
tui_xray_by_nobody = 認証情報なし: { $user } (グループ { $groups })
tui_xray_by_other = { $user } (グループ { $groups }、認証方法 { $how })
tui_xray_impersonated = { $impersonator } がこのユーザーとして実行 (impersonation)
tui_xray_object = { $verb } { $object }
tui_xray_in_namespace = { $verb } { $object } (namespace { $namespace })
tui_xray_dry = 試行のみ (dry run): 何も保存されません
tui_xray_allow_node = Node オーソライザーが許可しました。kubelet はこの種類のオブジェクトにこの操作ができます。どのラベルを書くかは確認されません。
tui_xray_allow_masters = 誰にも確認せずに許可: グループ system:masters は何でもできます
tui_xray_allow_by = { $authorizer } が許可しました
tui_xray_forbid = どのオーソライザーも許可しませんでした。許可がなければ拒否されます
tui_xray_no_answer = 認可の前に拒否されました
tui_xray_reads = 読み取りはアドミッションを通りません
tui_xray_not_reached = ここまで到達していません
tui_xray_ran = { $plugins }: すべて通過
tui_xray_stopped = { $plugins }: { $plugin } が拒否しました: { $why }
tui_xray_not_loaded = この中に NodeRestriction はありません。この kubelet が誰の Node のどのラベルを書くのか、誰も確認していません
tui_xray_ok = { $code }、{ $millis } ms で応答
tui_xray_stored = { $code }、resource version { $version } として保存、{ $millis } ms で応答
tui_xray_failed = { $code }: { $message }

# 最初の画面: レッスンと試験。
tui_pick_title = 何をしますか?
tui_pick_loading = レッスンを読み込んでいます。
tui_pick_lessons = レッスン
tui_pick_exams = 試験
tui_pick_minutes = { $minutes } 分
tui_pick_go_on = 続きから
tui_pick_best = 最高 { $percent } %
tui_pick_new = 未挑戦
tui_pick_steps = { $domain }、{ $steps } ステップ、約 { $minutes } 分
tui_pick_exam_about = { $lessons } レッスン、{ $minutes } 分、ヒントなし、終了時に採点
tui_pick_where = 進行中: { $score } / { $max } 点、{ $time } 経過。
tui_pick_attempts = 挑戦の履歴 (古い順)
tui_pick_attempt = { $at }  { $percent } %  { $verdict }  { $time }  ヒント { $hints }
tui_pick_passed = 合格
tui_pick_open = 不合格
tui_pick_running = 進行中
tui_pick_switch = 別のレッスンを始めますか?
tui_pick_switch_text = { $open } が進行中です。そのクラスターとファイルは片付けられます。得点は挑戦の履歴に残ります。
tui_pick_switch_yes = 始める
tui_pick_switch_no = やめる

# 試験。
tui_exam_left = 残り { $time }
tui_exam_task = 問題 { $number }/{ $count }
tui_exam_over = 時間切れ
tui_exam_graded = 採点済み
tui_exam_overview = 試験の問題一覧
tui_exam_row = { $points } 点、配点 { $weight } %
tui_exam_flagged = あとで見直す
tui_exam_no_help = 試験中です。採点は終了時に行われ、ヒントと解答例は使えません。
tui_exam_flag_on = 問題 { $number } に見直しの印を付けました。
tui_exam_flag_off = 問題 { $number } の見直しの印を外しました。
tui_exam_opening = 問題を開いています
tui_exam_grading = 試験を採点しています
tui_exam_warning = 残り { $minutes } 分です。
tui_exam_time_up = 時間切れです。現在の状態で採点します。作業内容は残ります。
tui_exam_at_end = 終了時に採点
tui_exam_last = 最後の問題です。{ $key } で一覧を表示します。
tui_exam_first = 最初の問題です。
tui_exam_hand_in = 試験を提出しますか?
tui_exam_hand_in_text = 現在の状態で採点され、その後は変更できません。残り { $left }。{ $flagged ->
        [0] 見直しの印が付いた問題はありません。
       *[other] 見直しの印が付いた問題が { $flagged } 問あります。
    }
tui_exam_hand_in_yes = 提出する
tui_exam_hand_in_no = 続ける
tui_exam_result = { $percent } %: { $verdict } (合格ライン { $mark } %)
tui_exam_lesson = { $title }: { $score }/{ $max } 点、配点 { $weight } %
tui_exam_report = 提出用のレポート: cks-lab report --exam --format html -o exam.html
