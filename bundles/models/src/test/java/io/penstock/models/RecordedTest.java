// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.models;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.penstock.api.access.Actor;
import io.penstock.api.access.Role;
import io.penstock.api.audit.AuditLog.Kept;
import io.penstock.api.audit.AuditRecord;
import io.penstock.api.model.Receipt;
import io.penstock.api.model.RolloutOutcome;
import io.penstock.kit.Disk;
import io.penstock.models.Fakes.FakePipeline;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Had one of these failed, a model would serve, or have been sent away, without anybody being able to tell by whom. */
class RecordedTest {
    private static final Actor ANNA = new Actor("anna", Set.of(Role.MODEL_DEPLOYER), "opc.ua 10.0.0.7");

    @TempDir
    Path folder;

    private Keys keys;
    private Path home;

    @BeforeEach
    void trust() throws Exception {
        keys = Keys.p256();
        home = Gateway.home(folder, keys);
    }

    @Test
    void aReleaseWaitsForALogAndARollbackDoesNot() throws Exception {
        FakePipeline pipeline = new FakePipeline("dosing");
        try (Gateway gateway = new Gateway(home, new Disk(), pipeline)) {
            gateway.drop(keys, "1.0.0", 1, "ok");
            gateway.turn();
            int release = 1;
            for (Kept kept : List.of(Kept.RESERVED, Kept.IN_MEMORY)) {
                release++;
                String version = "1." + release + ".0";
                gateway.log.kept = kept;
                gateway.drop(keys, version, release, "ok");
                gateway.turn();
                assertEquals("coagulant-dose 1.0.0", pipeline.label(), "it waits");
                gateway.log.kept = Kept.ON_DISK;
                gateway.turnAfter(5_000);
                assertEquals("coagulant-dose " + version, pipeline.label());

                gateway.log.kept = kept;
                Receipt receipt = gateway.rollouts.rollback("dosing", ANNA, "too high");
                assertEquals(RolloutOutcome.ROLLED_BACK, receipt.outcome());
                assertEquals("coagulant-dose 1.0.0", pipeline.label());
                assertTrue(
                        receipt.steps().contains("NOT RECORDED " + kept.remark()),
                        receipt.steps().toString());
                AuditRecord last = gateway.audit.get(gateway.audit.size() - 1);
                assertEquals("ROLLBACK anna opc.ua 10.0.0.7", last.action() + " " + last.actor() + " " + last.origin());
            }
        }
    }
}
