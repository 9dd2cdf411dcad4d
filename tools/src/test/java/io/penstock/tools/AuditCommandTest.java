package io.penstock.tools;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Had one of these failed, an auditor would be told that a damaged log is whole, or the other way round. */
class AuditCommandTest {
    @TempDir
    Path home;

    private Path segment;

    @BeforeEach
    void aLogOfAGateway() throws Exception {
        Path directory = Files.createDirectories(home.resolve("data/audit"));
        for (String name : List.of("audit-000001.jsonl", "head.json")) {
            try (var in = AuditCommandTest.class.getResourceAsStream("/audit/" + name)) {
                Files.write(directory.resolve(name), in.readAllBytes());
            }
        }
        segment = directory.resolve("audit-000001.jsonl");
    }

    @Test
    void aWholeLogIsWhole() throws Exception {
        assertEquals(0, Penstock.run("audit", "verify", "--home", home.toString()));
        String last = lastLine();
        String hash = last.substring(last.length() - 66, last.length() - 2);
        String number = last.substring(7, last.indexOf(','));
        assertEquals(0, Penstock.run("audit", "verify", "--home", home.toString(), "--expect", number + ":" + hash));
        assertEquals(
                1, Penstock.run("audit", "verify", "--home", home.toString(), "--expect", "1:" + hash));
    }

    private String lastLine() throws Exception {
        List<String> lines = Files.readAllLines(segment);
        return lines.get(lines.size() - 1);
    }

    @Test
    void anEditedLogIsBroken() throws Exception {
        String text = Files.readString(segment, StandardCharsets.UTF_8);
        Files.writeString(segment, text.replaceFirst("\"value\":2", "\"value\":3"));
        assertEquals(1, Penstock.run("audit", "verify", "--home", home.toString()));
        assertEquals(0, Penstock.run("audit", "show", "--home", home.toString()));
    }

    @Test
    void noLogIsNoWholeLog(@TempDir Path empty) {
        assertEquals(1, Penstock.run("audit", "verify", "--home", empty.toString()));
        assertEquals(1, Penstock.run("audit", "show", "--home", empty.toString()));
    }

    @Test
    void wrongUsageIsTold() {
        assertEquals(2, Penstock.run("audit"));
        assertEquals(2, Penstock.run("audit", "verify"));
        assertEquals(2, Penstock.run("audit", "verify", "--home", home.toString(), "--expect", "1:abc"));
        assertEquals(2, Penstock.run("audit", "show", "--home", home.toString(), "--last", "0"));
    }
}
