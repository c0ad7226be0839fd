# What several rooms say of files.
file_cannot_be_read = { $file } を読めません
file_cannot_be_removed = { $file } を削除できません
file_cannot_be_written = { $file } に書き込めません
