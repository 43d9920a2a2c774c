# shellcheck shell=bash disable=SC2034 # read by whoever sources it
# As fast as the lab's machines can: guarded, examinations five times a second, virtual servers kept in
# memory. Firmware takes 2 s: a server that started again at once would take the processor from the others,
# which no real one does.
PROFILE_SAFETY=guarded
PROFILE_HAND_OVER=true
PROFILE_KEEP=memory
PROFILE_FIRMWARE_S=2
PROFILE_RESTART_S=0
PROFILE_RESUME_S=0
PROFILE_SETTINGS='
[examination]
network_max = "60ms"
service_max = "200ms"

[timing]
inter_monitoring = "150ms"
reexamination_wait = "60ms"
judgement_max = "20s"
hand_off = "10ms"
poll_pause = "100ms"
sync_grace = "300ms"
join_wait = "300ms"
examination_max = "1s"
job_max = "60s"
lease_term = "420ms"
lease_margin = "100ms"
'
