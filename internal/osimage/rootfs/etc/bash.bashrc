# For interactive shells of bash.
case $- in
*i*) ;;
*) return ;;
esac
shopt -s checkwinsize histappend
if [ "$(id -u)" = 0 ]; then PS1='[\u@\h \W]# '; else PS1='[\u@\h \W]$ '; fi
alias ll='ls -l'
[ -r /usr/share/bash-completion/bash_completion ] && . /usr/share/bash-completion/bash_completion
