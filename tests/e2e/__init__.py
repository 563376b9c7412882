"""End-to-end tests: the real program in a real terminal (tmux), over a real sshd, on the real engine."""
