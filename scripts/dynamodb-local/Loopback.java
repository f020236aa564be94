import java.lang.reflect.Field;
import org.eclipse.jetty.server.Connector;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import software.amazon.dynamodb.services.local.main.ServerRunner;
import software.amazon.dynamodb.services.local.server.DynamoDBProxyServer;

/**
 * Runs DynamoDB Local on 127.0.0.1 alone, which it has no option for, and on a free port where the first argument is
 * 0. It says its address on a line of its own, and ends when its standard input does: with whoever started it. With "stay"
 * as the second argument it ends when it is told to.
 */
public final class Loopback {
  public static void main(String[] args) throws Exception {
    String port = args[0].equals("0") ? "8000" : args[0]; // it refuses 0, which is set below
    String[] options = {"-inMemory", "-sharedDb", "-disableTelemetry", "-port", port};
    DynamoDBProxyServer local = ServerRunner.createServerFromCommandLineArgs(options);
    Field field = DynamoDBProxyServer.class.getDeclaredField("server");
    field.setAccessible(true);
    ServerConnector bound = null;
    for (Connector connector : ((Server) field.get(local)).getConnectors()) {
      bound = (ServerConnector) connector;
      bound.setHost("127.0.0.1");
      bound.setPort(Integer.parseInt(args[0]));
    }
    local.safeStart(); // start() would ask for telemetry
    System.out.println("http://127.0.0.1:" + bound.getLocalPort());
    if (args.length > 1 && args[1].equals("stay")) {
      local.join();
    }
    while (System.in.read() >= 0) {}
    System.exit(0);
  }
}
