// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import io.penstock.api.model.ModelIdentity;
import io.penstock.api.model.Receipt;
import io.penstock.api.model.RolloutOutcome;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;

/**
 * Whom a death of the process is charged to: the one model it happened in; else the newest change, where that is young; else
 * nobody. Having served at the time is no fault.
 */
final class Blame {
    /** An older change has shown that the gateway lives with it. */
    static final Duration YOUNG = Duration.ofHours(1);

    private static final String CYCLE = "pipeline-cycle-";
    private static final String SWAP = "io.penstock.models-swap-";
    private static final String PROBE = "io.penstock.models-probe";

    private final CrashReports.Crash crash;
    private final RunFolder.Life life;
    private final State state;
    private final Edit edit;
    private final Predicate<String> quarantined;

    private Blame(
            CrashReports.Crash crash, RunFolder.Life life, State state, Edit edit, Predicate<String> quarantined) {
        this.crash = crash;
        this.life = life;
        this.state = state;
        this.edit = edit;
        this.quarantined = quarantined;
    }

    /** The configuration file that was changed last; a time of {@link Instant#MIN} for none. */
    record Edit(String file, Instant time) {
        static final Edit NONE = new Edit("", Instant.MIN);
    }

    /**
     * The finding.
     *
     * @param id of the release, empty where nobody is to blame.
     * @param why in words.
     */
    record Verdict(String id, String why) {}

    /** @param state as it was when the process died. */
    static Verdict of(
            CrashReports.Crash crash, RunFolder.Life life, State state, Edit edit, Predicate<String> quarantined) {
        return new Blame(crash, life, state, edit, quarantined).verdict();
    }

    private Verdict verdict() {
        return switch (crash.kind()) {
            case CRASH -> crashed();
            case MEMORY -> newest("memory was at its end");
            case HANG -> hung();
        };
    }

    private Verdict crashed() {
        String thread = crash.thread();
        if (thread.startsWith(CYCLE)) {
            String pipeline = thread.substring(CYCLE.length());
            RunFolder.Mark mark = life.marks().get(pipeline);
            if (mark == null) {
                State.Serving serving = state.pipelines().get(pipeline);
                return serving != null && crash.place().contains("onnxruntime")
                        ? new Verdict(
                                serving.current(), "it crashed in the runtime, in the thread of pipeline " + pipeline)
                        : newest("it crashed in the thread of pipeline " + pipeline);
            }
            return mark.inside() == 0
                    ? newest("it crashed in the thread of pipeline " + pipeline + ", outside of its model")
                    : inside(pipeline, mark, "it crashed in the run of its model on pipeline " + pipeline);
        }
        if (thread.startsWith(SWAP)) {
            String pipeline = thread.substring(SWAP.length());
            String id = life.opening().getOrDefault(pipeline, "");
            return Names.SHA256.matcher(id).matches()
                    ? new Verdict(id, "it crashed while the model was opened for pipeline " + pipeline)
                    : newest("it crashed while a model was opened for pipeline " + pipeline);
        }
        if (thread.startsWith(PROBE) && !state.trying().isEmpty()) {
            return new Verdict(state.trying(), "it crashed in the trial of the model");
        }
        if (thread.isEmpty()) {
            List<Map.Entry<String, RunFolder.Mark>> within = life.marks().entrySet().stream()
                    .filter(entry -> entry.getValue().inside() != 0)
                    .toList();
            if (within.size() == 1) {
                String pipeline = within.get(0).getKey();
                return inside(
                        pipeline,
                        within.get(0).getValue(),
                        "it crashed while only the model of pipeline " + pipeline + " ran");
            }
            return newest(within.isEmpty() ? "it crashed outside of any model" : "it crashed while several models ran");
        }
        return newest("it crashed in thread " + thread);
    }

    private Verdict hung() {
        List<Map.Entry<String, RunFolder.Mark>> stuck = life.marks().entrySet().stream()
                .filter(entry -> entry.getValue().stuck())
                .toList();
        for (Map.Entry<String, RunFolder.Mark> entry : stuck) {
            if (entry.getValue().inside() != 0) {
                return inside(
                        entry.getKey(),
                        entry.getValue(),
                        "the thread of pipeline " + entry.getKey() + " did not come back from its model");
            }
        }
        return newest(
                stuck.isEmpty()
                        ? "the gateway did not answer its supervisor"
                        : "the thread of pipeline " + stuck.get(0).getKey() + " hung outside of its model");
    }

    private Verdict inside(String pipeline, RunFolder.Mark mark, String why) {
        if (mark.inside() == 2 && !state.trying().isEmpty()) {
            return new Verdict(state.trying(), why + ", in the operators that warmed up");
        }
        if (mark.inside() == 2) {
            return newest(why + ", in operators that warmed up");
        }
        State.Serving serving = state.pipelines().get(pipeline);
        if (serving != null && mark.serving().equals(bundle(serving.current()))) {
            return new Verdict(serving.current(), why);
        }
        Optional<String> accepted = idOf(mark.serving());
        if (accepted.isPresent()) {
            return new Verdict(accepted.get(), why);
        }
        return state.trying().isEmpty()
                ? newest(why + ", which is not known any more")
                : new Verdict(state.trying(), why);
    }

    private String bundle(String id) {
        State.Accepted accepted = state.releases().get(id);
        return accepted == null ? "" : accepted.identity().sha256();
    }

    private Optional<String> idOf(String bundle) {
        return state.releases().entrySet().stream()
                .filter(entry -> entry.getValue().identity().sha256().equals(bundle))
                .map(Map.Entry::getKey)
                .findFirst();
    }

    /**
     * Who came last. Only a release that was activated, or was about to be, can be: to return to an older one is no change to
     * blame, or a fault of the gateway itself would put one model after the other out of service.
     */
    private Verdict newest(String why) {
        if (!state.trying().isEmpty()) {
            return new Verdict(state.trying(), why + " while this release was being activated");
        }
        for (Receipt receipt : state.receipts()) {
            ModelIdentity model = receipt.model();
            if (receipt.outcome() != RolloutOutcome.ACTIVATED || model == null) {
                continue;
            }
            if (!young(receipt.time())) {
                return nobody(why, "nothing was changed in the hour before");
            }
            if (edit.time().isAfter(receipt.time()) && young(edit.time())) {
                break;
            }
            String id = idOf(model.sha256()).orElse("");
            boolean serves = state.pipelines().values().stream()
                    .anyMatch(serving -> serving.current().equals(id));
            if (!serves || quarantined.test(id)) {
                return nobody(why, "the newest change, " + model.label() + ", does not serve any more");
            }
            return new Verdict(id, why + ", and it is the newest change, of " + receipt.time());
        }
        return young(edit.time())
                ? nobody(why, "the newest change is " + edit.file() + ", of " + edit.time() + "; look there first")
                : nobody(why, "nothing was changed in the hour before");
    }

    /** A change that the clock puts after the crash was before it all the same: the clock was set back. */
    private boolean young(Instant change) {
        return change.isAfter(crash.time().minus(YOUNG));
    }

    private static Verdict nobody(String why, String because) {
        return new Verdict("", why + "; " + because);
    }
}
