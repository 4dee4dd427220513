# Since pacemaker 2.1.7 the state of a node says since when it is a member (in_ccm) and online (crmd), 0 for never.
# crm-fence-peer.sh of DRBD looks for true and false, online and offline. Without them it does not see that its peer was fenced,
# and keeps the device frozen for 90 s: longer than OCFS2 waits until it fences the survivor, too.
/<node_state /{
    s/ in_ccm="0"/ in_ccm="false"/
    s/ in_ccm="[0-9]+"/ in_ccm="true"/
    s/ crmd="0"/ crmd="offline"/
    s/ crmd="[0-9]+"/ crmd="online"/
}
