// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.publication.opcua;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.penstock.api.access.Actor;
import io.penstock.api.access.Role;
import io.penstock.publication.opcua.Fakes.FakePipeline;
import java.time.Clock;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.eclipse.milo.opcua.stack.core.StatusCodes;
import org.eclipse.milo.opcua.stack.core.UaException;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

final class PipelineMethodsTest {
    private static final Actor OPERATOR = actor(Role.OPERATOR);

    private final Fakes gateway = new Fakes();
    private final FakePipeline dosing = new FakePipeline("dosing", null);
    private final ExecutorService calls = Executors.newSingleThreadExecutor();
    private final ExecutorService openings = Executors.newSingleThreadExecutor();
    private final AtomicInteger changes = new AtomicInteger();
    private final PipelineMethods methods =
            new PipelineMethods(gateway, calls, openings, Clock.systemUTC(), changes::incrementAndGet, 200, 200);

    PipelineMethodsTest() {
        gateway.pipelines.add(dosing);
    }

    @AfterEach
    void stop() {
        calls.shutdownNow();
        openings.shutdownNow();
    }

    private static Actor actor(Role role) {
        return new Actor("anna", Set.of(role), "opc.ua 10.0.0.1");
    }

    private interface Call {
        void run() throws UaException;
    }

    private static long status(Call call) {
        return assertThrows(UaException.class, call::run).getStatusCode().value();
    }

    private static boolean denied(Call call) throws UaException {
        try {
            call.run();
            return false;
        } catch (UaException e) {
            assertEquals(StatusCodes.Bad_UserAccessDenied, e.getStatusCode().value());
            return true;
        }
    }

    // Rollbacks and closings that hang would take the threads that the operator's opening needs.
    @Test
    void openingWaitsForNoOtherCall() throws Exception {
        PipelineMethods patient =
                new PipelineMethods(gateway, calls, openings, Clock.systemUTC(), changes::incrementAndGet, 30_000, 200);
        CountDownLatch never = new CountDownLatch(1);
        Future<Boolean> hung = calls.submit(() -> never.await(60, TimeUnit.SECONDS));
        assertEquals(StatusCodes.Bad_Timeout, status(() -> patient.rollback("dosing", "x", OPERATOR, true)));
        for (String mode : List.of("ADVISORY", "SHADOW", "OFF")) {
            assertEquals(
                    List.of(),
                    patient.setMode("dosing", mode, "x", OPERATOR, false).refusals());
        }
        assertEquals(false, hung.isDone());
        never.countDown();
    }

    // The same table as in Permission, but seen from where the calls come in: no way leads past it.
    @Test
    void everyMethodAsksTheTableForEveryRole() throws UaException {
        Set<String> allowed = new TreeSet<>();
        for (Role role : Role.values()) {
            Actor actor = actor(role);
            if (!denied(() -> methods.setMode("dosing", "ADVISORY", "", actor, false))) {
                allowed.add(role + " SetMode ADVISORY plain");
            }
            if (!denied(() -> methods.setMode("dosing", "CLOSED", "", actor, true))) {
                allowed.add(role + " SetMode CLOSED encrypted");
            }
            if (!denied(() -> methods.setMode("dosing", "CLOSED", "", actor, false))) {
                allowed.add(role + " SetMode CLOSED plain");
            }
            if (!denied(() -> methods.rollback("dosing", "", actor, true))) {
                allowed.add(role + " Rollback encrypted");
            }
            if (!denied(() -> methods.rollback("dosing", "", actor, false))) {
                allowed.add(role + " Rollback plain");
            }
        }
        Set<String> expected = new TreeSet<>();
        for (Role role : List.of(Role.OPERATOR, Role.ENGINEER, Role.SUPERVISOR)) {
            expected.add(role + " SetMode ADVISORY plain");
            expected.add(role + " SetMode CLOSED encrypted");
            expected.add(role + " Rollback encrypted");
        }
        assertEquals(expected, allowed);
        assertEquals(6, dosing.calls.size());
        assertEquals(Role.values().length * 5 - expected.size(), gateway.audited.size());
        assertEquals(true, denied(() -> methods.setMode("dosing", "OFF", "", anonymous(), true)));
    }

    private static @Nullable Actor anonymous() {
        return null;
    }

    // A hung pipeline must cost one answer, not a thread of the server for ever.
    @Test
    void aHungPipelineIsATimeout() {
        CountDownLatch never = new CountDownLatch(1);
        gateway.pipelines.set(0, new FakePipeline("dosing", null) {
            @Override
            public ModeAnswer setMode(io.penstock.api.actuation.Mode wanted, Actor actor, String reason) {
                try {
                    never.await();
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
                return ModeAnswer.refused(List.of());
            }
        });
        assertEquals(StatusCodes.Bad_Timeout, status(() -> methods.setMode("dosing", "SHADOW", "", OPERATOR, true)));
        assertEquals(1, changes.get(), "what is shown is asked again, for it may still take effect");
        never.countDown();
    }

    // What fails inside must reach the caller as an error, never as silence that looks like success.
    @Test
    void whatIsNotThereOrFailsIsSaid() {
        assertEquals(StatusCodes.Bad_OutOfService, status(() -> methods.setMode("gone", "SHADOW", "", OPERATOR, true)));
        assertEquals(
                StatusCodes.Bad_InvalidArgument, status(() -> methods.setMode("dosing", "AUTO", "", OPERATOR, true)));
        assertEquals(
                StatusCodes.Bad_InvalidArgument,
                status(() -> methods.rollback("dosing", "x".repeat(501), OPERATOR, true)));
        gateway.pipelines.set(0, new FakePipeline("dosing", null) {
            @Override
            public ModeAnswer setMode(io.penstock.api.actuation.Mode wanted, Actor actor, String reason) {
                throw new IllegalStateException("no state");
            }
        });
        assertEquals(StatusCodes.Bad_InternalError, status(() -> methods.setMode("dosing", "OFF", "", OPERATOR, true)));
        openings.shutdownNow();
        assertThrows(RejectedExecutionException.class, () -> openings.execute(() -> {}));
        assertEquals(
                StatusCodes.Bad_TooManyOperations, status(() -> methods.setMode("dosing", "OFF", "", OPERATOR, true)));
    }
}
