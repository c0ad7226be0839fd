# What commands say.
cli_no_lesson_begun = no lesson was begun in the lab "{ $name }"
cli_begin_one_to_report = begin one with `cks-lab`, then there is something to report
cli_no_exam_graded = no exam was graded under the name "{ $name }"
cli_exam_report_at_end = an exam is graded when it is handed in or time is up: cks-lab start --exam
cli_name_another_file = name another file with -o
cli_report_shows_otherwise = { $file } was changed: it does not show what its evidence says
cli_evidence_says = the evidence says { $claim }
cli_report_of_other_version = the evidence is whole; what the file shows could not be compared, since cks-lab { $version } made it
