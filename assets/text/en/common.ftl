# What several rooms say of files.
file_cannot_be_read = { $file } cannot be read
file_cannot_be_removed = { $file } cannot be removed
file_cannot_be_written = { $file } cannot be written
