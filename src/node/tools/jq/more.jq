def csv_field:
  if . == null then ""
  elif isstring then "\"" + gsub("\""; "\"\"") + "\""
  elif isarray or isobject then error("\(type) (\(tojson)) is not valid in a csv row")
  else tojson end;
def @csv: map(csv_field) | join(",");
def tsv_field:
  if . == null then ""
  elif isstring then gsub("\\\\"; "\\\\") | gsub("\t"; "\\t") | gsub("\n"; "\\n") | gsub("\r"; "\\r")
  elif isarray or isobject then error("\(type) (\(tojson)) is not valid in a csv row")
  else tojson end;
def @tsv: map(tsv_field) | join("\t");
def IN(values): any(values == .; .);
def IN(source; values): any(source == values; .);
def INDEX(stream; key): reduce stream as $row ({}; .[$row | key | tostring] = $row);
def INDEX(key): INDEX(.[]; key);
def leaf_paths: paths(scalars);
def tostream:
  def go($path):
    if (isarray or isobject) and length > 0 then
      keys_unsorted as $keys | . as $all | ($keys[] as $key | $all[$key] | go($path + [$key])), [$path + [$keys | last]]
    else [$path, .] end;
  go([]);
