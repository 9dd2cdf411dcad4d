// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.itests;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertTrue;

import java.io.IOException;
import org.junit.After;
import org.junit.Before;
import org.junit.Test;

/** The shipped gateway dies of real signals and of memory, here and there; who is charged, and what serves afterwards. */
public class DeathsIT {
    private static final String A_SERVES = "Model line 1.0.0 active on a";
    private static final String B_SERVES = "Model line 2.0.0 active on b";

    private ChildGateway gateway;

    @Before
    public void begin() throws IOException {
        gateway = new ChildGateway(Shipped.newHome("deaths"));
        gateway.withAgent();
        gateway.start();
        gateway.awaitLog("Pipeline a waits for model");
        gateway.awaitLog("Pipeline b waits for model");
        gateway.drop(1);
        gateway.awaitLog(A_SERVES);
        gateway.drop(2);
        gateway.awaitLog(B_SERVES);
        gateway.awaitLog("Pipeline a: first Good result");
    }

    @After
    public void end() {
        gateway.close();
    }

    // Two crashes by one model took the models of every pipeline out of service, also of those it never ran on.
    @Test
    public void eachDeathIsChargedToWhoItWasAndTheOthersServeOn() throws Exception {
        gateway.crashInA();
        dies(
                "CRASH ",
                " in thread pipeline-cycle-a; charged to line 1.0.0 (1 of 2): it crashed in the run of its model");
        awaitBoth();

        gateway.signal("KILL");
        assertEquals(137, gateway.awaitDeath());
        gateway.start();
        awaitBoth();
        assertEquals("a kill is no crash", 1, gateway.status("death").size());

        gateway.ask("segv");
        dies(
                "CRASH ",
                " in thread itest-agent; charged to line 2.0.0 (1 of 2): it crashed in thread itest-agent, and it is the newest change");
        awaitBoth();

        gateway.ask("direct");
        gateway.awaitLog("agent survived java.lang.OutOfMemoryError");
        assertTrue(
                "direct memory that is refused ends nothing", gateway.process().isAlive());

        long asked = System.nanoTime();
        gateway.ask("heap");
        dies(
                "MEMORY OutOfMemory encountered: Java heap space",
                "charged to line 2.0.0 (2 of 2): memory was at its end");
        System.out.println("heap full to start of the next: " + (System.nanoTime() - asked) / 1_000_000 + " ms");
        gateway.awaitLog(A_SERVES);
        gateway.awaitLog("No model serves on [b]: line 2.0.0 is in quarantine");
        assertFalse(gateway.text(), gateway.text().contains(B_SERVES));

        gateway.ask("segv");
        dies(
                "CRASH ",
                "charged to nobody: it crashed in thread itest-agent; the newest change, line 2.0.0, does not serve any more");
        gateway.awaitLog(A_SERVES);

        gateway.drop(2, "again.penstock"); // the way out that the log named
        gateway.awaitLog(B_SERVES);
        gateway.awaitLog("Release again.penstock (line 2.0.0) serves on [b]");
        assertEquals(1, gateway.status("crashes").size());

        gateway.crashInA();
        dies("CRASH ", "charged to line 1.0.0 (2 of 2)");
        gateway.awaitLog(B_SERVES);
        gateway.awaitLog("No model serves on [a]: line 1.0.0 is in quarantine");
        gateway.process().destroy();
        gateway.awaitDeath();
        assertEquals("a stop is no crash", 5, gateway.status("death").size());
        String audit = Framework.penstock("audit", "verify", "--home", gateway.home.toString());
        assertTrue(audit, audit.startsWith("0: "));
    }

    /** So far. */
    private int deaths;

    private void dies(String what, String finding) throws Exception {
        gateway.awaitDeath(); // before it is asked for anything: who is dying does not answer
        gateway.start();
        gateway.awaitLog("Releases are taken in");
        assertEquals(++deaths, gateway.status("death").size());
        String death = gateway.status("death").get(0);
        assertTrue(death, death.contains(what) && death.contains(finding));
        assertTrue(gateway.text(), gateway.text().contains(finding));
    }

    private void awaitBoth() {
        double a = gateway.awaitLog(A_SERVES);
        double b = gateway.awaitLog(B_SERVES);
        gateway.awaitLog("Loop loop: b.y to SP, 2.0 to 8.0; open");
        System.out.println("serving again after " + Math.max(a, b) + " s");
    }
}
