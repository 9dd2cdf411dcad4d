// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import io.penstock.api.access.Actor;
import io.penstock.api.model.ModelIdentity;
import io.penstock.api.model.ModelRejectedException;
import io.penstock.api.model.Receipt;
import io.penstock.api.model.RolloutOutcome;
import io.penstock.api.pipeline.Pipeline;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/** The way back, asked for by a person. One thread. */
final class Rollback {
    private final Parts parts;
    private final Restoration restoration;
    private final Way way;

    Rollback(Parts parts, Restoration restoration, Way way) {
        this.parts = parts;
        this.restoration = restoration;
        this.way = way;
    }

    /** Gives up what is under way on a pipeline, and settles it. */
    interface Way {
        void make(String pipeline, String why) throws ModelRejectedException, InterruptedException;
    }

    /** Returns a pipeline to the model before; done again, to the one before that. */
    Receipt run(String name, Actor actor, String reason) throws InterruptedException {
        String who = actor.name() + " (" + actor.origin() + "): " + reason;
        String id = parts.accepted().fallbackId(name);
        ModelIdentity identity = parts.accepted().fallback(name);
        List<String> steps = new ArrayList<>();
        Receipt receipt;
        State state;
        try {
            if (id == null) {
                throw new ModelRejectedException(
                        "rollback: pipeline " + name + " has no model to return to; pipelines with one are "
                                + parts.store().state().pipelines().keySet().stream()
                                        .filter(known -> parts.accepted().fallbackId(known) != null)
                                        .toList());
            }
            Pipeline pipeline = parts.pipelines()
                    .get(name)
                    .orElseThrow(() -> new ModelRejectedException("rollback: pipeline " + name
                            + " is not running at present; check its configuration in etc/"));
            if (!parts.accepted().fits(pipeline, id)) {
                throw new ModelRejectedException("rollback: " + parts.accepted().label(id)
                        + " is not what pipeline " + name + " wants ("
                        + pipeline.requirement().model() + " "
                        + pipeline.requirement().versionRange()
                        + "); change its configuration first");
            }
            String missing = parts.probe().waitsFor();
            if (!missing.isEmpty()) {
                throw new ModelRejectedException("rollback: pipeline " + name + " waits for " + missing);
            }
            Release underWay = parts.swaps().underWay(name);
            if (underWay != null && pipeline.model().isEmpty()) {
                throw new ModelRejectedException(
                        "rollback: pipeline " + name + " has no model and is about to begin with "
                                + underWay.identity().label() + "; try again in a moment");
            }
            Release release = parts.accepted().load(id);
            way.make(
                    name,
                    "it gave way to the rollback that " + actor.name()
                            + " asked for; remove its file and drop it again to try it once more");
            steps.add("VERIFIED signer " + release.identity().signer());
            steps.add(staged(release));
            Rollout rollout = new Rollout("rollback", release, steps);
            parts.swaps().start(rollout, pipeline, Duration.ZERO);
            List<Swaps.Ended> ended =
                    parts.swaps().await(rollout, parts.settings().swapTimeoutMs());
            if (ended.isEmpty()) {
                parts.swaps().cancel(rollout);
                throw new ModelRejectedException("rollback: pipeline " + name + " did not begin a cycle within "
                        + parts.settings().swapTimeoutMs() + " ms (swapTimeoutMs); try again nearer to its next cycle");
            }
            if (ended.get(0).report() == null) {
                throw new ModelRejectedException(
                        "rollback: pipeline " + name + ": " + ended.get(0).failure());
            }
            steps.add("ACTIVE " + name + ": "
                    + Swaps.figures(Objects.requireNonNull(ended.get(0).report())));
            state = parts.store().state();
            state = state.withServing(
                    name, Objects.requireNonNull(state.pipelines().get(name)).backTo(id));
            restoration.served(name);
            receipt = new Receipt(
                    "rollback",
                    identity,
                    List.of(name),
                    RolloutOutcome.ROLLED_BACK,
                    "rolled back by " + who,
                    steps,
                    parts.clock().instant());
        } catch (ModelRejectedException e) {
            Failures.checkStop();
            state = parts.store().state();
            receipt = new Receipt(
                    "rollback",
                    identity,
                    List.of(name),
                    RolloutOutcome.FAILED_NOTHING_CHANGED,
                    Failures.message(e) + " [asked by " + who + "]",
                    steps,
                    parts.clock().instant());
        }
        parts.ledger().finish(state, receipt, "ROLLBACK", actor.name());
        if (!parts.store().saved()) {
            return and(
                    receipt,
                    "NOT SAVED the disk refuses the desired state: a restart before it is written brings back the model"
                            + " before; make room or repair the disk");
        }
        String reserve = parts.store().inReserve();
        return reserve.isEmpty()
                ? receipt
                : and(
                        receipt,
                        "SAVED in the reserve, a restart keeps it; the disk takes no more: " + reserve
                                + "; make room or repair the disk");
    }

    /** The framework's cache is on the disk, too, and this model was let in before: a full disk must not keep it out. */
    private String staged(Release release) throws ModelRejectedException {
        try {
            return "STAGED " + parts.retention().stage(release);
        } catch (ModelRejectedException e) {
            if (!Failures.ofTheDisk(e)) {
                throw e;
            }
            return "NOT STAGED " + Failures.message(e) + "; it served here before and goes on without";
        }
    }

    /** To return to a good model is worth more than to write it down first, but who asked must know. */
    private static Receipt and(Receipt receipt, String step) {
        List<String> steps = new ArrayList<>(receipt.steps());
        steps.add(step);
        return new Receipt(
                receipt.file(),
                receipt.model(),
                receipt.pipelines(),
                receipt.outcome(),
                receipt.reason(),
                steps,
                receipt.time());
    }
}
