// What the process answers to its shell. Stable: scripts depend on it.
#pragma once

#include "absl/status/status.h"
#include "circuitd/v1/job.pb.h"

namespace circuitd::client {

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailure = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitNotFound = 3;
inline constexpr int kExitUnavailable = 4;
inline constexpr int kExitFailedJob = 5;
inline constexpr int kExitCancelledJob = 6;
inline constexpr int kExitExhausted = 7;
inline constexpr int kExitDeadline = 8;
inline constexpr int kExitDetached = 130;

// The table that --help ends with.
inline constexpr char kExitCodeHelp[] =
    "Exit codes:\n"
    "  0    done\n"
    "  1    any other error\n"
    "  2    wrong usage, or INVALID_ARGUMENT, OUT_OF_RANGE, ALREADY_EXISTS\n"
    "  3    NOT_FOUND: no such model, job, task, file\n"
    "  4    UNAVAILABLE: no server there, or it went away\n"
    "  5    the job failed, or FAILED_PRECONDITION\n"
    "  6    the job was cancelled\n"
    "  7    RESOURCE_EXHAUSTED: over a limit, or the queue is full\n"
    "  8    DEADLINE_EXCEEDED\n"
    "  130  detached by Ctrl-C\n";

int ExitCode(const absl::Status& status);

// Of a job that has ended.
int ExitCode(v1::JobState state);

}  // namespace circuitd::client
