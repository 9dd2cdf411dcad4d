// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.publication.opcua;

import io.penstock.api.access.Actor;
import io.penstock.api.actuation.Mode;
import io.penstock.api.audit.AuditRecord;
import io.penstock.api.model.ModelCatalog;
import io.penstock.api.model.Receipt;
import io.penstock.api.pipeline.Pipeline;
import java.time.Clock;
import java.util.Locale;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Collectors;
import org.eclipse.milo.opcua.sdk.core.ValueRanks;
import org.eclipse.milo.opcua.sdk.server.Session;
import org.eclipse.milo.opcua.sdk.server.methods.AbstractMethodInvocationHandler;
import org.eclipse.milo.opcua.sdk.server.methods.InvalidArgumentException;
import org.eclipse.milo.opcua.sdk.server.nodes.UaMethodNode;
import org.eclipse.milo.opcua.stack.core.NodeIds;
import org.eclipse.milo.opcua.stack.core.StatusCodes;
import org.eclipse.milo.opcua.stack.core.UaException;
import org.eclipse.milo.opcua.stack.core.types.builtin.LocalizedText;
import org.eclipse.milo.opcua.stack.core.types.builtin.NodeId;
import org.eclipse.milo.opcua.stack.core.types.builtin.StatusCode;
import org.eclipse.milo.opcua.stack.core.types.builtin.Variant;
import org.eclipse.milo.opcua.stack.core.types.enumerated.MessageSecurityMode;
import org.eclipse.milo.opcua.stack.core.types.structured.Argument;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What OT systems may do to a pipeline: SetMode and Rollback. Whoever calls was authenticated with the session; what they may
 * do stands in {@link Permission}. Calls run on threads of their own under a deadline, so a hung pipeline costs one answer,
 * not the server.
 */
final class PipelineMethods {
    private static final Logger LOG = LoggerFactory.getLogger(PipelineMethods.class);
    private static final int REASON_LIMIT = 500;

    private final Gateway gateway;
    private final ExecutorService calls;
    private final ExecutorService openings;
    private final Clock clock;
    private final Runnable changed;
    private final long modeDeadlineMs;
    private final long rollbackDeadlineMs;

    /**
     * @param calls for what may take its time: closing a loop, going back.
     * @param openings for lower modes, so that nothing of that keeps them from their turn.
     * @param changed called after each call that may have changed what is shown.
     */
    PipelineMethods(Gateway gateway, ExecutorService calls, ExecutorService openings, Clock clock, Runnable changed) {
        this(gateway, calls, openings, clock, changed, 10_000, 120_000);
    }

    PipelineMethods(
            Gateway gateway,
            ExecutorService calls,
            ExecutorService openings,
            Clock clock,
            Runnable changed,
            long modeDeadlineMs,
            long rollbackDeadlineMs) {
        this.gateway = gateway;
        this.calls = calls;
        this.openings = openings;
        this.clock = clock;
        this.changed = changed;
        this.modeDeadlineMs = modeDeadlineMs;
        this.rollbackDeadlineMs = rollbackDeadlineMs;
    }

    /** Result of Rollback. */
    record RolledBack(String outcome, String detail) {}

    void install(ResultsNamespace namespace, PipelineNodes nodes, String pipeline) {
        UaMethodNode setMode = namespace.method(
                nodes.object(),
                pipeline + "/SetMode",
                "SetMode",
                "Sets the mode to OFF, SHADOW, ADVISORY or CLOSED; returns the guards that forbid it");
        namespace.install(nodes.object(), setMode, new AbstractMethodInvocationHandler(setMode) {
            @Override
            public Argument[] getInputArguments() {
                return new Argument[] {text("mode", "OFF, SHADOW, ADVISORY or CLOSED"), text("reason", "For the audit")
                };
            }

            @Override
            public Argument[] getOutputArguments() {
                return new Argument[] {
                    new Argument(
                            "refusals",
                            NodeIds.String,
                            ValueRanks.OneDimension,
                            new org.eclipse.milo.opcua.stack.core.types.builtin.unsigned.UInteger[] {
                                org.eclipse.milo.opcua.stack.core.types.builtin.unsigned.UInteger.MIN
                            },
                            LocalizedText.english("Why not; empty if the mode is as asked")),
                    text("remark", "What else to know, e.g. that the record is not on disk yet; mostly empty")
                };
            }

            @Override
            protected Variant[] invoke(InvocationContext context, Variant[] in) throws UaException {
                Session session = context.getSession().orElse(null);
                Pipeline.ModeAnswer answer = setMode(
                        pipeline,
                        string(in[0]),
                        string(in[1]),
                        session == null ? null : actor(session),
                        session != null && encrypted(session));
                return new Variant[] {
                    Variant.ofStringArray(answer.refusals().toArray(String[]::new)), Variant.ofString(answer.remark())
                };
            }
        });

        UaMethodNode rollback = namespace.method(
                nodes.object(), pipeline + "/Rollback", "Rollback", "Returns to the model that served before");
        namespace.install(nodes.object(), rollback, new AbstractMethodInvocationHandler(rollback) {
            @Override
            public Argument[] getInputArguments() {
                return new Argument[] {text("reason", "For the audit")};
            }

            @Override
            public Argument[] getOutputArguments() {
                return new Argument[] {
                    text("outcome", "ROLLED_BACK, or in what state the gateway was left"), text("detail", "In words")
                };
            }

            @Override
            protected Variant[] invoke(InvocationContext context, Variant[] in) throws UaException {
                Session session = context.getSession().orElse(null);
                RolledBack result = rollback(
                        pipeline,
                        string(in[0]),
                        session == null ? null : actor(session),
                        session != null && encrypted(session));
                return new Variant[] {Variant.ofString(result.outcome()), Variant.ofString(result.detail())};
            }
        });
    }

    Pipeline.ModeAnswer setMode(String pipeline, String mode, String reason, @Nullable Actor actor, boolean encrypted)
            throws UaException {
        Mode wanted = parse(mode);
        Actor caller =
                permit(wanted == Mode.CLOSED ? Permission.CLOSE : Permission.SET_MODE, pipeline, actor, encrypted);
        limit(reason, 1, 2);
        Pipeline target = pipeline(pipeline);
        return call(
                wanted == Mode.CLOSED ? calls : openings,
                () -> target.setMode(wanted, caller, reason),
                modeDeadlineMs,
                "SetMode of " + pipeline);
    }

    RolledBack rollback(String pipeline, String reason, @Nullable Actor actor, boolean encrypted) throws UaException {
        Actor caller = permit(Permission.ROLLBACK, pipeline, actor, encrypted);
        limit(reason, 0, 1);
        pipeline(pipeline);
        ModelCatalog catalog = gateway.catalog()
                .orElseThrow(() -> new UaException(
                        StatusCodes.Bad_NotSupported,
                        "no model catalog: the bundle io.penstock.models is not running"));
        Receipt receipt = call(
                calls, () -> catalog.rollback(pipeline, caller, reason), rollbackDeadlineMs, "Rollback of " + pipeline);
        return new RolledBack(
                receipt.outcome().name(),
                (receipt.reason().isEmpty() && receipt.model() != null
                                ? receipt.model().label()
                                : receipt.reason())
                        + remark(receipt));
    }

    /** What a receipt says beside its outcome about what is not on disk. */
    private static String remark(Receipt receipt) {
        return receipt.steps().stream()
                .filter(step -> step.startsWith("NOT "))
                .map(step -> "; " + step)
                .collect(Collectors.joining());
    }

    private static Mode parse(String mode) throws UaException {
        try {
            return Mode.valueOf(mode.strip().toUpperCase(Locale.ROOT));
        } catch (IllegalArgumentException e) {
            throw new InvalidArgumentException(
                    new StatusCode[] {new StatusCode(StatusCodes.Bad_OutOfRange), StatusCode.GOOD});
        }
    }

    private static void limit(String reason, int argument, int arguments) throws UaException {
        if (reason.length() > REASON_LIMIT) {
            StatusCode[] results = new StatusCode[arguments];
            java.util.Arrays.fill(results, StatusCode.GOOD);
            results[argument] = new StatusCode(StatusCodes.Bad_OutOfRange);
            throw new InvalidArgumentException(results);
        }
    }

    private Actor permit(Permission permission, String pipeline, @Nullable Actor actor, boolean encrypted)
            throws UaException {
        if (permission.allows(actor, encrypted)) {
            return Objects.requireNonNull(actor);
        }
        String who = actor == null ? "anonymous" : actor.name();
        String where = actor == null ? "opc.ua" : actor.origin();
        String detail = permission + " of pipeline " + pipeline + " denied to " + who
                + (actor == null ? "" : " with " + actor.roles())
                + (encrypted ? "" : ", connection not encrypted");
        LOG.info("{} from {}", detail, where);
        gateway.audit()
                .tally(AuditRecord.of(PushNode.nanos(clock.instant()), who, where, "ACCESS_DENIED", pipeline, detail));
        throw new UaException(StatusCodes.Bad_UserAccessDenied, detail);
    }

    private Pipeline pipeline(String name) throws UaException {
        return gateway.pipeline(name)
                .orElseThrow(
                        () -> new UaException(StatusCodes.Bad_OutOfService, "pipeline " + name + " is not running"));
    }

    private <T> T call(ExecutorService on, Callable<T> work, long deadlineMs, String what) throws UaException {
        Future<T> future;
        try {
            future = on.submit(work);
        } catch (RejectedExecutionException e) {
            throw new UaException(StatusCodes.Bad_TooManyOperations, what + ": other calls are not done yet");
        }
        try {
            return future.get(deadlineMs, TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
            LOG.warn(
                    "{} has not answered within {} ms; the caller got BadTimeout and it may still take effect",
                    what,
                    deadlineMs);
            throw new UaException(StatusCodes.Bad_Timeout, what + ": no answer within " + deadlineMs + " ms");
        } catch (ExecutionException e) {
            LOG.error("{} failed: {}", what, e.getCause(), e.getCause());
            throw new UaException(StatusCodes.Bad_InternalError, what + ": " + e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new UaException(StatusCodes.Bad_Shutdown, what + ": the server stops");
        } finally {
            changed.run();
        }
    }

    private static @Nullable Actor actor(Session session) {
        UserValidator.Admitted admitted = UserValidator.admitted(session);
        return admitted == null ? null : admitted.actor();
    }

    private static boolean encrypted(Session session) {
        return session.getSecurityConfiguration().getSecurityMode() == MessageSecurityMode.SignAndEncrypt;
    }

    private static String string(Variant value) {
        return value.value() instanceof String text ? text : "";
    }

    private static Argument text(String name, String description) {
        NodeId type = NodeIds.String;
        return new Argument(name, type, ValueRanks.Scalar, null, LocalizedText.english(description));
    }
}
