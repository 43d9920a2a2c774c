# shellcheck shell=bash disable=SC2034 # read by whoever sources it
# For many drills in a row, also where other programs need the processor: guarded, examinations twice a second,
# leases that outlast a slow moment, virtual servers kept in memory.
PROFILE_SAFETY=guarded
PROFILE_HAND_OVER=true
PROFILE_KEEP=memory
PROFILE_FIRMWARE_S=1
PROFILE_RESTART_S=0
PROFILE_RESUME_S=0
PROFILE_SETTINGS='
[examination]
network_max = "300ms"
service_max = "1s"

[timing]
inter_monitoring = "500ms"
reexamination_wait = "200ms"
judgement_max = "20s"
hand_off = "10ms"
poll_pause = "100ms"
sync_grace = "1s"
join_wait = "500ms"
examination_max = "2s"
job_max = "60s"
lease_term = "1500ms"
lease_margin = "300ms"
'
