#!/bin/sh
# Packages that are being installed into the servers' system may start nothing.
exit 101
