# shellcheck shell=bash disable=SC2034 # read by whoever sources it
# As `fast`, but virtual servers are suspended into files.
profile_load fast
PROFILE_KEEP="file"
