[ -r ~/.bashrc ] && [ -n "$BASH_VERSION" ] && . ~/.bashrc
