# Completion of kubectl without the bash-completion package: kubectl itself says what may come next.
__start_kubectl() {
  local line="${COMP_LINE:0:COMP_POINT}" words current value broken reply directive candidate
  COMPREPLY=()
  read -ra words <<<"$line"
  [[ $line == *[[:space:]] ]] && words+=("")
  current="${words[-1]}" value="${words[-1]}" broken=""
  [[ $current == -*=* ]] && value="${current#*=}"
  # Bash completes what stands behind the last : or = only.
  [[ $COMP_WORDBREAKS == *:* ]] && broken="${value%"${value##*[:=]}"}"
  reply=$(kubectl __complete "${words[@]:1}" 2>/dev/null) || return
  directive="${reply##*$'\n'}" directive="${directive#:}"
  while IFS=$'\t' read -r candidate _; do
    [[ -n $candidate && $candidate != :* && $candidate == "$value"* ]] && COMPREPLY+=("${candidate#"$broken"}")
  done <<<"$reply"
  # What cobra says of the answer: 2 is no blank behind it, 4 no files in its stead.
  [[ $directive =~ ^[0-9]+$ ]] || return
  ((directive & 2)) || [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace 2>/dev/null
  ((directive & 4)) && compopt +o default 2>/dev/null
  return 0
}
complete -o default -F __start_kubectl kubectl
