#!/usr/bin/env bash
# All six stages in order, from a data set to a ranked submission.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: run.sh [options]
  --dataset DIR             data set in the iQIYI-VID layout   (./data/iqiyi_vid)
  --detector PREFIX,EPOCH   face detector                      (detect.py's)
  --quality PREFIX,EPOCH    quality model of detect.py         (detect.py's)
  --model PREFIX,EPOCH      embedding model of feature.py      (feature.py's)
  --quality-threshold Q     smallest norm of an embedding      (10.0)
  --output DIR              where all of it goes               (./output)
  --prefix PREFIX           classifier that is trained         (./model/iqiyi)
  --num-classes N           people and one for nobody          (4935)
  --gpu N                   CUDA device, -1 for the CPU        (0 if there is one, else the CPU)
  --overwrite               replace what an earlier run left
The test clips are scored against DATASET/gt_v2/test_v2.txt where that file is.
TEXT
}

dataset=./data/iqiyi_vid
detector=()
quality=()
model=()
threshold=10.0
output=./output
prefix=./model/iqiyi
classes=4935
device=()
overwrite=()

while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) usage; exit 0 ;;
    --overwrite) overwrite=(--overwrite); shift; continue ;;
  esac
  if [ $# -lt 2 ]; then
    echo "run.sh: error: $1 wants a value or is not known; see run.sh --help" >&2
    exit 2
  fi
  case $1 in
    --dataset) dataset=$2 ;;
    --detector) detector=(--detector "$2") ;;
    --quality) quality=(--model "$2") ;;
    --model) model=(--model "$2") ;;
    --quality-threshold) threshold=$2 ;;
    --output) output=$2 ;;
    --prefix) prefix=$2 ;;
    --num-classes) classes=$2 ;;
    --gpu) device=(--gpu "$2") ;;
    *) echo "run.sh: error: $1 is not known; see run.sh --help" >&2; exit 2 ;;
  esac
  shift 2
done

here=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-$here/.venv/bin/python}
if ! command -v "$python" > /dev/null; then
  echo "run.sh: error: $python is not there; run make first" >&2
  exit 2
fi

stage() {
  local script=$1
  shift
  "$python" "$here/$script" "$@"
}

for part in trainval test; do
  stage detect.py "${quality[@]}" "${detector[@]}" --dataset "$dataset" --stage $part \
    --quality-threshold "$threshold" --output "$output/det_$part" "${device[@]}" "${overwrite[@]}"
  stage feature.py "${model[@]}" --input "$output/det_$part" --output "$output/feat_$part" \
    "${device[@]}" "${overwrite[@]}"
done
stage genfeat.py --inputs "$output/feat_trainval" --output "$output/trainval" "${overwrite[@]}"
stage train_mlp.py --data "$output/trainval" --prefix "$prefix" --ckpt 1 --network r50 --lr 0.2 \
  --num-classes "$classes" "${device[@]}" "${overwrite[@]}"
stage predict.py --model "$prefix,40" --inputs "$output/feat_test" --output "$output/pred_test" \
  "${device[@]}" "${overwrite[@]}"
truth=()
if [ -f "$dataset/gt_v2/test_v2.txt" ]; then
  truth=(--gt "$dataset/gt_v2/test_v2.txt")
fi
stage submit.py --inputs "$output/pred_test" --output "$output/submission.txt" "${truth[@]}"
if [ ${#truth[@]} -gt 0 ]; then
  stage benchmarks/centroids.py --train "$output/trainval" --test "$output/feat_test" "${truth[@]}"
fi
