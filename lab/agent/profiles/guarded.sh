# shellcheck shell=bash disable=SC2034 # read by whoever sources it
# As `tetrarch init` writes a site: guarded, with the paper's waits, on the lab's machines as they are.
PROFILE_SAFETY=guarded
PROFILE_HAND_OVER=true
PROFILE_KEEP=file
PROFILE_FIRMWARE_S=0
PROFILE_RESTART_S=0
PROFILE_RESUME_S=0
PROFILE_SETTINGS=""
