# shellcheck shell=bash disable=SC2034 # read by whoever sources it
# The paper's experiment: its protocol and waits, on machines that are made as slow as its own where the
# lab's are faster: a server's start (44.3 s) and restart (56.4 s), and the resume of a virtual server
# (5.2 s). What the lab needs itself is 2 s for a boot, 1 s for a shutdown, and 1.5 s for a resume.
PROFILE_SAFETY=paper
PROFILE_HAND_OVER=false
PROFILE_KEEP=file
PROFILE_FIRMWARE_S=42
PROFILE_RESTART_S=12
PROFILE_RESUME_S=2.5
PROFILE_SETTINGS=""
