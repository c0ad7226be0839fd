#!/bin/bash
mkdir -p /root/shop
