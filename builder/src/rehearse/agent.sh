# Does what the rack asks for, in a node that is rehearsed: a line is `NUMBER BOOT SECONDS COMMAND`, the answer is
# `NUMBER STATUS OUTPUT`; command and output are in base64. Several commands run at a time.
port=/dev/virtio-ports/xbuild.agent
boot=$(cat /proc/sys/kernel/random/boot_id)
until [ -c $port ]; do sleep 1; done
exec 3<>$port

say() {
    exec 4>/run/xbuild-agent.lock
    flock 4
    printf '%s\n' "$1" >&3
}

serve() {
    output=$(mktemp /run/xbuild-agent.XXXXXX)
    timeout --kill-after=5 "$2" bash -c "$(base64 -d <<<"$3")" </dev/null >"$output" 2>&1 3>&-
    status=$?
    say "$1 $status $(base64 -w0 "$output")"
    rm -f "$output"
}

# The rack may have stopped in the middle of a line.
printf '\nboot %s\n' "$boot" >&3
while true; do
    # What was asked of an earlier boot is not for this one.
    if ! read -r number for seconds command <&3; then
        sleep 1
    elif [ "$for" = "$boot" ]; then
        serve "$number" "$seconds" "$command" &
    fi
done
