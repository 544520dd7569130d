# Completion of doorward for bash, and for zsh after `autoload bashcompinit && bashcompinit`.
_doorward() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
    case "$before" in
    --data | --from | --to | --config | --state | *-file | --ca | --key | --certificate | --checkpoint | --master-key)
        COMPREPLY=($(compgen -f -- "$word"))
        return
        ;;
    esac
    mapfile -t COMPREPLY < <(doorward complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _doorward doorward
