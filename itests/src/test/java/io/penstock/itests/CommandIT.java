// SPDX-FileCopyrightText: The Penstock authors
// SPDX-License-Identifier: Apache-2.0
package io.penstock.itests;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertTrue;

import io.penstock.api.actuation.Mode;
import io.penstock.api.pipeline.Pipeline;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import javax.inject.Inject;
import org.junit.Test;
import org.junit.runner.RunWith;
import org.ops4j.pax.exam.Configuration;
import org.ops4j.pax.exam.Option;
import org.ops4j.pax.exam.junit.PaxExam;
import org.ops4j.pax.exam.spi.reactors.ExamReactorStrategy;
import org.ops4j.pax.exam.spi.reactors.PerClass;
import org.osgi.framework.BundleContext;

/** The shipped command line reaches the shipped gateway by its local socket, whatever else is away. */
@RunWith(PaxExam.class)
@ExamReactorStrategy(PerClass.class)
public class CommandIT {
    @Inject
    private BundleContext context;

    @Configuration
    public Option[] gateway() throws IOException {
        Path home = Shipped.newHome("command");
        new Releases().trustedBy(home).write(home.resolve("made"), 2, new Releases.Model(1, "NTU", 0));
        return new Option[] {Shipped.gateway(home)};
    }

    // The operator could not take the machine back at the gateway itself once OPC UA server and audit are gone.
    @Test
    @SuppressWarnings("try") // the plant only has to be there
    public void operatorGetsInWithoutServerAndAudit() throws Exception {
        Path home = Framework.home(context);
        try (Plant plant = new Plant(context, 10_000_000, 0, Plant::square)) {
            Pipeline pipeline = Framework.pipeline(context, 1);
            Framework.deploy(context, pipeline, 1);
            Framework.deploy(context, pipeline, 2);
            Path socket = home.resolve("data/run/command.sock");
            Framework.await("socket", 30, () -> Files.exists(socket));
            assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(socket)));

            String status = penstock("status");
            assertTrue(status, status.contains("line: line 2.0.0 (sequence 2) serves since 20"));
            assertTrue(status, status.contains("fallback line 1.0.0 (sequence 1); mode ADVISORY"));

            Path password = Files.writeString(home.resolve("password"), "a long password\n");
            String[] add = {"user", "add", "anna", "--role", "OBSERVER", "--password-file", password.toString()};
            String added = penstock(add);
            assertTrue(added, added.startsWith("0: ") && added.stripTrailing().endsWith("; the audit has it"));
            assertTrue("in the audit", audit(home).contains("added with OBSERVER"));

            Framework.room(context, "publication.opcua").stop();
            Framework.room(context, "audit").stop();
            String removed = penstock("user", "remove", "anna");
            assertTrue(removed, removed.startsWith("0: user anna removed; NOT RECORDED: "));
            String open = penstock("open", "line", "--reason", "test");
            assertTrue(open, open.startsWith("0: pipeline line: ADVISORY, was ADVISORY; it has no write loop; by "));
            String closed = penstock("mode", "line", "CLOSED", "--reason", "test");
            assertTrue(closed, closed.startsWith("1: penstock: refused: pipeline line has no write loop"));
            String off = penstock("mode", "line", "OFF", "--reason", "test");
            assertTrue(off, off.startsWith("0: "));
            assertEquals(Mode.OFF, pipeline.mode());
            String raised = penstock("mode", "line", "ADVISORY", "--reason", "test");
            assertTrue(raised, raised.startsWith("1: penstock: refused: ")); // upwards only with a record on disk
            assertEquals(Mode.OFF, pipeline.mode());

            String back = penstock("model", "rollback", "--pipeline", "line", "--reason", "test");
            assertTrue(back, back.startsWith("0: ") && back.contains("ROLLED_BACK: line 1.0.0 serves on line"));
            assertEquals(1, Framework.served(pipeline));

            String needy = penstock("status", "--json");
            assertTrue(needy, needy.startsWith("1: {") && needy.contains("there is no audit log"));

            Framework.room(context, "command").stop();
            assertFalse(Files.exists(socket));
            String unreachable = penstock("open", "line", "--reason", "test");
            assertTrue(unreachable, unreachable.startsWith("2: penstock: no gateway runs in this home"));
        } finally {
            for (String room : new String[] {"command", "audit", "publication.opcua"}) {
                Framework.room(context, room).start();
            }
        }
    }

    private static String audit(Path home) throws IOException {
        StringBuilder audit = new StringBuilder();
        try (DirectoryStream<Path> files = Files.newDirectoryStream(home.resolve("data/audit"), "audit-*.jsonl")) {
            for (Path file : files) {
                audit.append(Files.readString(file));
            }
        }
        return audit.toString();
    }

    private String penstock(String... arguments) throws IOException {
        String[] all = Arrays.copyOf(arguments, arguments.length + 2);
        all[arguments.length] = "--home";
        all[arguments.length + 1] = Framework.home(context).toString();
        return Framework.penstock(all);
    }
}
