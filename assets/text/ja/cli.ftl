# What commands say.
cli_no_lesson_begun = ラボ "{ $name }" ではまだレッスンを始めていません
cli_begin_one_to_report = `cks-lab` でレッスンを始めると、レポートを作れるようになります
cli_no_exam_graded = "{ $name }" という名前で採点された試験はありません
cli_exam_report_at_end = 試験は提出したとき、または時間切れのときに採点されます: cks-lab start --exam
cli_name_another_file = -o で別のファイルを指定してください
cli_report_shows_otherwise = { $file } は変更されています。表示内容が証跡と一致しません
cli_evidence_says = 証跡の内容は次のとおりです: { $claim }
cli_report_of_other_version = 証跡は正しいものです。ただし cks-lab { $version } で作成されたため、ファイルの表示内容との比較はできませんでした
