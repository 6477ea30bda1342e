export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/**
 * What a shell reads to complete the commands of knat. Each asks `knat complete` with the words so far, so that it always
 * agrees with the program; an answer is a word and, after a tab, its help; the line `:files` asks for names of files, and a word
 * that ends with `/`, `:` or `=` is not finished.
 */
export const scripts: Readonly<Record<Shell, string>> = {
  bash: `# bash completion of knat
_knat() {
  local word before="\${COMP_LINE:0:COMP_POINT}"
  local -a words
  # As words between blanks: bash itself also splits at colons and equals signs, and replaces only what follows the last of them.
  read -ra words <<<"$before"
  [[ $before == *' ' ]] && words+=('')
  local whole="\${words[\${#words[@]}-1]}"
  local kept="\${whole%"\${whole##*[:=]}"}"
  COMPREPLY=()
  while IFS=$'\\t' read -r word _; do
    if [[ $word == :files ]]; then
      compopt -o default 2>/dev/null
      continue
    fi
    [[ $word == *[/:=] ]] && compopt -o nospace 2>/dev/null
    COMPREPLY+=("\${word#"$kept"}")
  done < <(knat complete -- "\${words[@]:1}" 2>/dev/null)
}
complete -F _knat knat
`,
  zsh: `#compdef knat
# zsh completion of knat
_knat() {
  local word help files=0
  local -a whole open
  while IFS=$'\\t' read -r word help; do
    if [[ $word == :files ]]; then files=1; continue; fi
    if [[ $word == *[/:=] ]]; then open+=("\${word//:/\\\\:}:$help"); else whole+=("\${word//:/\\\\:}:$help"); fi
  done < <(knat complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)
  (( \${#whole} )) && _describe knat whole
  (( \${#open} )) && _describe knat open -S ''
  (( files )) && _files
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _knat "$@"; else compdef _knat knat; fi
`,
  fish: `# fish completion of knat
function __knat_complete
  set -l words (commandline -opc)[2..] (commandline -ct)
  for line in (knat complete -- $words 2>/dev/null)
    if test "$line" = :files
      __fish_complete_path (commandline -ct)
    else
      echo $line
    end
  end
end
complete -c knat -f -a '(__knat_complete)'
`,
};
