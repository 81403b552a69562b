# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Completion of kith, kith-build and kith-serve in bash. Commands and options come from --help of the program
# that is installed, so this file knows none and cannot be out of date.

# Prints what --help of "$@" lists: commands (two spaces, then a word) or options (-x, --long, --long=).
_kith_words() {
	local what=$1
	shift
	"$@" --help 2>/dev/null | case $what in
	commands) sed -n 's/^  \([a-z][a-z-]*\)  .*/\1/p' ;;
	options) sed -n -e h -e 's/^  \(-[A-Za-z0-9]\)\($\|[, =].*\)/\1/p' \
		-e g -e 's/^ \{1,6\}\(-[A-Za-z0-9], \)\{0,1\}\(--[a-z0-9-]*=\{0,1\}\).*/\2/p' ;;
	values) sed -n "s/^ \{1,6\}.*$KITH_OPTION=\([a-z0-9-]*\(|[a-z0-9-]*\)*\)\( .*\)\{0,1\}\$/\1/p" |
		tr '|' '\n' ;;
	esac
}

_kith() {
	local cur=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
	local -a run=("${COMP_WORDS[0]}")
	local i

	COMPREPLY=()
	# The command: the first word behind the program that is no option; `build` has commands itself.
	for ((i = 1; i < COMP_CWORD; i++)); do
		[[ ${COMP_WORDS[i]} == -* ]] && continue
		[[ ${#run[@]} -gt 1 && ${run[1]} != build ]] && break
		[[ ${#run[@]} -gt 2 ]] && break
		_kith_words commands "${run[@]}" | grep -qxF -- "${COMP_WORDS[i]}" || break
		run+=("${COMP_WORDS[i]}")
	done

	# --option=value is three words to bash.
	if [[ $cur == = ]]; then
		cur=
		i=$previous
	elif [[ $previous == = ]]; then
		i=${COMP_WORDS[COMP_CWORD - 2]}
	elif [[ $previous == --* ]]; then
		i=$previous
	else
		i=
	fi
	if [[ -n $i && $cur != -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(KITH_OPTION=$i _kith_words values "${run[@]}")" -- "$cur")
		[[ ${#COMPREPLY[@]} -gt 0 ]] && return
	elif [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(_kith_words options "${run[@]}")" -- "$cur")
		[[ ${COMPREPLY[0]-} == *= ]] && compopt -o nospace 2>/dev/null
		return
	else
		mapfile -t COMPREPLY < <(compgen -W "$(_kith_words commands "${run[@]}")" -- "$cur")
		[[ ${#COMPREPLY[@]} -gt 0 ]] && return
	fi
	compopt -o default 2>/dev/null
	COMPREPLY=()
}

complete -F _kith kith kith-build kith-serve
