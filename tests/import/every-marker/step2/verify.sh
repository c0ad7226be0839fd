#!/bin/bash
[ -f /root/shop/second ] && [ "$(stat -c %a /root/answer)" = 600 ]
