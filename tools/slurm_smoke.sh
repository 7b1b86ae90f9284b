#!/usr/bin/env bash
# Run the smoke DAG through workflow/profiles/slurm on a Slurm of one node, set up for that and stopped after it, and
# compare every result with a local run's. For root on Debian or Ubuntu where no Slurm is set up; about ten minutes.
# Usage: tools/slurm_smoke.sh [LOCAL]. LOCAL, a checkout with a finished smoke run, saves making one to compare with.
set -euo pipefail

ROOT=$(cd "$(dirname "$0")/.." && pwd -P)
PYTHON=${PYTHON:-$ROOT/.venv/bin/python}
# sbatch would be content with SLURM_CONF, but the srun inside a job reads this one.
CONF=/etc/slurm/slurm.conf
PARTS=(Snakefile config workflow scalinglaws environment.yml CITATION.cff)

refuse() { echo "tools/slurm_smoke.sh: $*" >&2; exit 1; }

check_machine() {
  [ "$(id -u)" = 0 ] || refuse "needs root: it starts Slurm's daemons and writes $CONF"
  for conf in "${SLURM_CONF:-$CONF}" "$CONF"; do
    [ ! -e "$conf" ] || refuse "a Slurm is set up here ($conf); this is for machines without one"
  done
  for program in munged slurmctld slurmd sbatch; do
    ! pgrep --runstates D,R,S --exact "$program" >/dev/null || refuse "$program is running; this is for machines without a Slurm"
    command -v "$program" >/dev/null ||
      refuse "there is no $program; run: apt-get install --no-install-recommends slurm-wlm munge"
  done
  "$PYTHON" -c "import snakemake_executor_plugin_slurm" 2>/dev/null || refuse "Snakemake's executor is missing; run:" \
    ".venv/bin/python -m pip install --no-build-isolation -c requirements.lock -e '.[slurm]'"
}

configuration() {
  local host memory && host=$(hostname -s) memory=$(awk '/^MemTotal/ { print int($2 / 1024 * 0.9) }' /proc/meminfo)
  cat <<END
ClusterName=smoke
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$FOLDER/run/munge.socket
CryptoType=crypto/munge
StateSaveLocation=$FOLDER/state
SlurmdSpoolDir=$FOLDER/spool
SlurmctldPidFile=$FOLDER/run/slurmctld.pid
SlurmdPidFile=$FOLDER/run/slurmd.pid
SlurmctldLogFile=$FOLDER/slurmctld.log
SlurmdLogFile=$FOLDER/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
# squeue has to remember what is done: there is no accounting to ask.
MinJobAge=86400
NodeName=$host NodeAddr=127.0.0.1 CPUs=$(nproc) RealMemory=$memory State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
END
}

start_slurm() {
  mkdir -p "$FOLDER"/{run,state,spool} "$(dirname "$CONF")"
  configuration >"$CONF"
  (umask 077 && head -c 1024 /dev/urandom >"$FOLDER/munge.key")
  munged --key-file="$FOLDER/munge.key" --socket="$FOLDER/run/munge.socket" --pid-file="$FOLDER/run/munged.pid" \
    --log-file="$FOLDER/munged.log" --seed-file="$FOLDER/munge.seed"
  slurmctld -f "$CONF"
  slurmd -f "$CONF"
  for _ in $(seq 60); do
    [ "$(sinfo --noheader --format=%T 2>/dev/null)" != idle ] || return 0
    sleep 1
  done
  tail -n 5 "$FOLDER"/slurm*.log >&2
  refuse "the node was not idle after a minute; the logs' last lines are above"
}

# Whatever happened, nothing of it stays: no workflow, no job, no daemon, no configuration, no folder.
clean_up() {
  set +e
  [ -z "${workflow:-}" ] || { kill "$workflow" && wait "$workflow"; } 2>/dev/null
  [ ! -e "$FOLDER/run/slurmd.pid" ] || { scancel --user=root && sleep 5; } 2>/dev/null
  for daemon in slurmd slurmctld munged; do
    pid=$(cat "$FOLDER/run/$daemon.pid" 2>/dev/null) || continue
    kill "$pid" && timeout 10 tail --pid="$pid" -f /dev/null
  done
  rm -rf "$CONF" "$FOLDER"  # check_machine saw no such file, so it is this script's
}

# smoke NAME ARGUMENTS...: run the smoke DAG in the copy of that name. Snakemake waits through a TERM: a KILL follows.
smoke() {
  cd "$FOLDER/$1"
  env -u PYTHONPATH timeout -k 10 3600 "$PYTHON" -m snakemake --configfile config/smoke.yaml "${@:2}" \
    >"$FOLDER/$1.log" 2>&1 </dev/null &
  workflow=$!
  wait "$workflow" || { tail -n 40 "$FOLDER/$1.log" >&2; refuse "the $1 run failed; its last lines are above"; }
  workflow=
}

# sha256 of every result, in the order of their names; logs and timings differ from run to run.
sums() {
  (cd "$1/results/smoke" && find . -path ./logs -prune -o -path ./benchmarks -prune -o -type f -exec sha256sum {} + |
    sort -k 2)
}

check_machine
LOCAL=${1:+$(cd "$1" && pwd -P)}
unset SLURM_CONF
FOLDER=$(mktemp -d) && chmod 755 "$FOLDER"
trap clean_up EXIT && trap 'exit 130' INT TERM
# Both copies at once, so that nothing that is edited meanwhile comes between the runs.
for name in slurm local; do mkdir "$FOLDER/$name" && cp -r "${PARTS[@]/#/$ROOT/}" "$FOLDER/$name"; done
start_slurm
smoke slurm --profile workflow/profiles/slurm --slurm-no-account --slurm-status-command squeue \
  --slurm-init-seconds-before-status-checks 5 --latency-wait 5
seconds=$SECONDS jobs=$(squeue --noheader --states=all | wc -l)
[ -n "$LOCAL" ] || smoke local --profile workflow/profiles/default --cores all
sums "$FOLDER/slurm" >"$FOLDER/slurm.sums"
sums "${LOCAL:-$FOLDER/local}" >"$FOLDER/local.sums"
diff "$FOLDER/slurm.sums" "$FOLDER/local.sums" >&2 || refuse "the results above differ from a local run's"
echo "$jobs Slurm jobs, $seconds s: all $(wc -l <"$FOLDER/slurm.sums") results are those of a local run, byte for byte"
