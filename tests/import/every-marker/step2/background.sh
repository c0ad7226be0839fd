touch /root/shop/second
