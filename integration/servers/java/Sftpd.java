import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.apache.sshd.common.file.virtualfs.VirtualFileSystemFactory;
import org.apache.sshd.common.keyprovider.FileKeyPairProvider;
import org.apache.sshd.server.SshServer;
import org.apache.sshd.sftp.server.SftpSubsystemFactory;

/**
 * Apache MINA SSHD as it comes, for one test: {@code Sftpd HOST_KEY FOLDER USER PASSWORD}.
 * It listens on a free port of 127.0.0.1, prints the port, and ends with its standard input. Paths are below
 * FOLDER.
 */
class Sftpd {
    public static void main(String[] arguments) throws IOException {
        SshServer server = SshServer.setUpDefaultServer();
        server.setHost("127.0.0.1");
        server.setPort(0);
        server.setKeyPairProvider(new FileKeyPairProvider(Path.of(arguments[0])));
        server.setFileSystemFactory(new VirtualFileSystemFactory(Path.of(arguments[1]).toAbsolutePath()));
        String user = arguments[2];
        String password = arguments[3];
        server.setPasswordAuthenticator((name, given, session) -> name.equals(user) && given.equals(password));
        server.setSubsystemFactories(List.of(new SftpSubsystemFactory.Builder().build()));
        server.start();
        System.out.println(server.getPort());
        while (System.in.read() >= 0) {
            // Only its end counts.
        }
        server.stop(true);
        System.exit(0);
    }
}
