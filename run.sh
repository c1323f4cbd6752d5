#!/usr/bin/env bash
# All six stages in order, from a data set to a ranked submission and a report.
set -euo pipefail
umask 077  # logs contain people's names too
# replaces a closed stream by an unwritable one, so that no file gets its descriptor
{ : 3>&1; } 2> /dev/null || exec 1< /dev/null
: 3>&2 || exec 2< /dev/null

usage() {
  cat <<'TEXT'
examples:
  ./run.sh --dataset ./data/mine --name mine
  ./run.sh --name mine --stage 3 --stop-stage 5
  ./run.sh --people ./people --clips ./films

usage: run.sh [options]

With --people or --clips it is python -m rcnn find, with all that follows; see its --help.

what to run
  --stage N                 first stage, 1 to 6                (1)
  --stop-stage N            last stage, 1 to 6                 (6)
                            1 detect  2 feature  3 genfeat  4 train_mlp  5 predict  6 appearances, submit and report
  --overwrite               run stages again that are complete; left out: those are kept that were made of the same

where
  --dataset DIR             data set in the iQIYI-VID layout   (detect.py's)
  --name NAME               all of the run goes to ./output/NAME, the classifier too
  --output DIR              where all of it goes               (./output, or ./output/NAME)
  --prefix PREFIX           classifier that is trained         (train_mlp.py's, or OUTPUT/iqiyi with --name)
  --names FILE              LABEL NAME a line                  (DATASET/gt_v2/names.txt where that file is)
  --sources FILE            CLIP, a tab and PATH a line        (DATASET/gt_v2/sources.txt where that file is)

how
  --detector MODEL          face detector                      (detect.py's)
  --quality MODEL           quality model of detect.py, or the word score for the detector's score (detect.py's)
  --model MODEL             embedding model of feature.py      (feature.py's)
  --quality-threshold Q     smallest quality of a face         (detect.py's)
  --num-classes N           people and one for nobody          (train_mlp.py's)
  --licence commercial      refuse models whose licence does not allow commercial use, or is not known (any)
  --gpu N[,N...]            CUDA devices, -1 for the CPU       (0 if there is one, else the CPU)
                            detect, feature and predict take all of them, train_mlp the first
  --recipe seed|best|fast   the seed's way, the one that ranks best, see docs/ranking.md, or best with less detection
                            (what OUTPUT was begun with, else best where DATASET/gt_v2/names.txt is, else seed)

Where the name of a script stands in brackets, its --help tells the default.
What was answered at the desk of OUTPUT (python -m rcnn review OUTPUT) teaches stages 3 and 6.
The test clips are scored against DATASET/gt_v2/test_v2.txt where that file is. What each stage says goes to
OUTPUT/log, too. The page is OUTPUT/report.html.
TEXT
}

fail() {
  tell "run.sh: error: $1"
  exit 2
}

# prints a line to standard error, which may be closed
tell() {
  echo "$1" >&2 2> /dev/null || true
}

# whether $2, given for $1, is a whole number from $3 to $4
number() {
  [[ $2 =~ ^[0-9]{1,9}$ && 10#$2 -ge $3 && 10#$2 -le $4 ]] || fail "$1 $2: must be a whole number from $3 to $4"
}

here=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-$here/.venv/bin/python}
for argument; do
  if [ "$argument" = --people ] || [ "$argument" = --clips ]; then
    command -v "$python" > /dev/null || fail "$python does not exist; run make first"
    PYTHONPATH=$here${PYTHONPATH:+:$PYTHONPATH} exec "$python" -m rcnn find "$@"
  fi
done

dataset=
name=
output=
prefix=
names=()
sources=()
detector=()
quality=()
model=()
licence=()
threshold=()
classes=()
device=()
recipe=()
asked=  # recipe
overwrite=()
first=1
last=6
given=()  # the arguments except --stage, for the message on how to continue

while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) usage || exit 2; exit 0 ;;
    --overwrite) overwrite=(--overwrite); shift; continue ;;
  esac
  [ $# -ge 2 ] || fail "$1 needs a value or is not known; see run.sh --help"
  case $1 in
    --dataset) dataset=$2 ;;
    --name) name=$2 ;;
    --detector) detector=(--detector "$2") ;;
    --quality) if [ "$2" = score ]; then quality=(--quality score); else quality=(--model "$2"); fi ;;
    --model) model=(--model "$2") ;;
    --quality-threshold) threshold=(--quality-threshold "$2") ;;
    --output) output=$2 ;;
    --prefix) prefix=$2 ;;
    --names) names=(--names "$2") ;;
    --sources) sources=(--sources "$2") ;;
    --num-classes) number "$1" "$2" 2 999999999; classes=(--num-classes "$2") ;;
    --licence) licence=(--licence "$2") ;;
    --gpu) device=(--gpu "$2") ;;
    --recipe)
      case $2 in
        seed | best | fast) asked=$2 ;;
        *) fail "--recipe $2: must be seed, best or fast" ;;
      esac
      ;;
    --stage) number "$1" "$2" 1 6; first=$2 ;;
    --stop-stage) number "$1" "$2" 1 6; last=$2 ;;
    *) fail "$1 is not known; see run.sh --help" ;;
  esac
  [ "$1" = --stage ] || given+=("$1" "$2")
  shift 2
done
[ "$first" -le "$last" ] || fail "--stage $first comes after --stop-stage $last"
case $name in
  */* | .* | -*) fail "--name $name: must be a plain name, like mine" ;;
esac
if [ -n "$name" ]; then
  output=${output:-./output/$name}
  prefix=${prefix:-$output/iqiyi}
fi
output=${output:-./output}

command -v "$python" > /dev/null || fail "$python does not exist; run make first"
[[ $output != *://* ]] || fail "--output $output: logs and the page go there, too; give a path on the disk"
logs=$output/log
# the scripts' defaults that name a file here, and the recipe
begun=$output
[ ${#overwrite[@]} -eq 0 ] || [ "$first" -gt 1 ] || begun=  # starts over
told=$(PYTHONPATH=$here${PYTHONPATH:+:$PYTHONPATH} "$python" -m rcnn.commands.driver "$dataset" "$begun" "$asked") ||
  fail "$python does not find the scripts' defaults; run make first"
mapfile -t defaults <<< "$told"
dataset=${defaults[0]}
prefix=${prefix:-${defaults[1]}}
epoch=${defaults[2]}
[ "${defaults[3]}" = seed ] || recipe=(--recipe "${defaults[3]}")
if [ ${#names[@]} -eq 0 ] && [ -f "$dataset/gt_v2/names.txt" ]; then
  names=(--names "$dataset/gt_v2/names.txt")
fi
if [ ${#sources[@]} -eq 0 ] && [ -f "$dataset/gt_v2/sources.txt" ]; then
  sources=(--sources "$dataset/gt_v2/sources.txt")
fi
terminal=  # descriptor of the terminal, bypassing the pipes below, for a live progress bar; lines then go to the log
if [ -t 2 ]; then
  terminal=9
  exec 9>&2
fi
mkdir -p "$logs" || fail "$logs can't be made; give --output another place"

# Runs `script arguments...` as stage $1 and logs its output in the log $2. stdout and stderr stay separate; tee ignores
# Ctrl-C, because the script then still reports what it saved.
stage() {
  local number=$1 log=$logs/$2.log script=$3 again="" path program
  local codes=(0 0)  # of the script, and of the process that passes on its lines
  shift 3
  program=("$here/$script")
  [[ $script == *.py ]] || program=(-m rcnn "$script")
  {
    { PYTHONPATH=$here${PYTHONPATH:+:$PYTHONPATH} RCNN_DRIVEN=1 RCNN_TERMINAL=$terminal RCNN_LOG=$log \
      "$python" "${program[@]}" "$@" 2>&1 >&3 3>&-; } |
      { tee -ia "$log" >&2 3>&- 2> /dev/null || true; }
  } 3>&1 | tee -ia "$log" 2> /dev/null || codes=("${PIPESTATUS[@]}")
  if [ "${codes[0]}" -eq 0 ]; then
    [ "${codes[1]}" -eq 0 ] || unheard=$log
    return 0
  fi
  [ ${#given[@]} -eq 0 ] || again=$(printf ' %q' "${given[@]}")
  tell "run.sh: stage $number, $script, ended with exit code ${codes[0]}; its words are in $log"
  for path in "${results[@]}"; do
    [ ! -e "$path" ] || tell "run.sh: $path is of an earlier run"
  done
  tell "run.sh: when that is fixed, continue with: $0$again --stage $number"
  exit "${codes[0]}"
}

# Prints the last line; exit code 2 if earlier lines were lost.
finish() {
  echo "$1" 2> /dev/null || unheard=${unheard:-standard output}
  [ -z "$unheard" ] || fail "$unheard or standard output could not take every line; the outputs in $output are whole"
}

# The same for a stage that keeps complete output of the same inputs, and rebuilds output of other inputs.
once() {
  local number=$1 log=$2
  shift 2
  begin "$log"
  stage "$number" "$log" "$@" "${device_of[@]}" --renew
}

# Creates an empty log that is not a link.
begin() {
  { rm -f "$logs/$1.log" && : > "$logs/$1.log"; } 2> /dev/null || fail "$logs/$1.log: can't be written; fix that"
}

wanted() {
  [ "$first" -le "$1" ] && [ "$1" -le "$last" ]
}

started=$SECONDS
echo "run.sh: --recipe ${defaults[3]}: ${defaults[4]}" 2> /dev/null || true
device_of=("${device[@]}")
results=("$output/submission.txt" "$output/report.html")
unheard=  # stream that lost lines
if [ ${#overwrite[@]} -gt 0 ]; then
  made=()  # outputs of the stages to run again
  ! wanted 1 || made+=("$output/det_trainval" "$output/det_test")
  ! wanted 2 || made+=("$output/feat_trainval" "$output/feat_test")
  ! wanted 3 || made+=("$output/trainval")
  ! wanted 4 || made+=("$prefix,$epoch")
  ! wanted 5 || made+=("$output/pred_test")
  ! wanted 6 || made+=("$output/appearances" "${results[@]}")
  PYTHONPATH=$here${PYTHONPATH:+:$PYTHONPATH} "$python" -m rcnn.commands.discard "${made[@]}" || exit 2
fi
if wanted 1; then
  for part in trainval test; do
    once 1 "1-detect-$part" detect.py "${quality[@]}" "${detector[@]}" "${licence[@]}" --dataset "$dataset" --stage "$part" \
      "${threshold[@]}" --output "$output/det_$part" "${recipe[@]}"
  done
fi
if wanted 2; then
  for part in trainval test; do
    once 2 "2-feature-$part" feature.py "${model[@]}" "${licence[@]}" --input "$output/det_$part" --output "$output/feat_$part" \
      "${recipe[@]}"
  done
fi
answers=()  # answers from the desk, used by stages 3 and 6
answered=()
if [ -f "$output/review.sqlite" ] && [ "$last" -ge 3 ]; then
  answers=(--answers "$output/review.sqlite")
  [ ! -f "$output/feat_test/manifest.json" ] || answered=(--answered "$output/feat_test")
  PYTHONPATH=$here${PYTHONPATH:+:$PYTHONPATH} "$python" -m rcnn.commands.enlist "$output" "$dataset" || exit 2
  if [ ${#names[@]} -eq 0 ] && [ -f "$dataset/gt_v2/names.txt" ]; then
    names=(--names "$dataset/gt_v2/names.txt")
  fi
fi
if wanted 3; then
  device_of=()
  once 3 3-genfeat genfeat.py --inputs "$output/feat_trainval" --output "$output/trainval" "${answers[@]}" \
    "${answered[@]}" "${recipe[@]}"
  device_of=("${device[@]}")
fi
if wanted 4; then
  mkdir -p "$(dirname "$prefix")" || fail "$prefix can't be made; give another --prefix"
  [ ${#device[@]} -eq 0 ] || device_of=(--gpu "${device[1]%%,*}")
  once 4 4-train_mlp train_mlp.py --data "$output/trainval" --prefix "$prefix" "${classes[@]}" "${recipe[@]}"
  device_of=("${device[@]}")
fi
if wanted 5; then
  once 5 5-predict predict.py --model "$prefix,$epoch" --inputs "$output/feat_test" --output "$output/pred_test" \
    "${recipe[@]}"
fi
if wanted 6; then
  truth=()
  if [ -f "$dataset/gt_v2/test_v2.txt" ]; then
    truth=(--gt "$dataset/gt_v2/test_v2.txt")
  fi
  table=()
  if [ -f "$output/feat_test/manifest.json" ] && [ -f "$output/feat_trainval/manifest.json" ]; then
    device_of=()
    once 6 6-appearances appearances --features "$output/feat_test" --known "$output/feat_trainval" \
      --output "$output/appearances" "${names[@]}" "${sources[@]}" "${answers[@]}"
    table=(--appearances "$output/appearances")
  fi
  begin 6-submit
  stage 6 6-submit submit.py --inputs "$output/pred_test" --output "$output/submission.txt" "${truth[@]}" "${names[@]}" \
    "${sources[@]}" "${recipe[@]}" --report "$output/report.html" "${table[@]}"
  if [ ${#truth[@]} -gt 0 ]; then
    stage 6 6-submit benchmarks/centroids.py --train "$output/trainval" --test "$output/feat_test" "${truth[@]}"
  fi
  finish "run.sh: done in $((SECONDS - started)) s; open $output/report.html in a browser"
else
  finish "run.sh: done up to stage $last in $((SECONDS - started)) s"
fi
