test -f /root/one
