import java.io.File;
import java.io.FileInputStream;
import java.io.FileNotFoundException;
import java.io.FileOutputStream;
import java.io.IOException;
import java.util.Arrays;
import org.teavm.interop.Import;

/** The tool of the suite in Java: each first argument is one scenario. With WASI, TeaVM's library neither renames nor reads standard input, on any runtime. */
public class Tool {
  /** TeaVM's library has no System.exit. */
  @Import(module = "wasi_snapshot_preview1", name = "proc_exit")
  static native void exit(int code);

  public static void main(String[] args) throws IOException {
    String scenario = args.length == 0 ? "" : args[0];
    if (scenario.equals("exit")) {
      System.out.print("bye");
      System.out.flush();
      exit(Integer.parseInt(args[1]));
    } else if (scenario.equals("trap")) {
      throw new IllegalStateException("nobody catches this");
    } else if (scenario.equals("files")) {
      files(args[1]);
    } else {
      System.out.println(Arrays.toString(args));
      System.err.println("to standard error");
    }
  }

  static void files(String folder) throws IOException {
    File inside = new File(folder, "inside");
    File file = new File(inside, "a.txt");
    System.out.println(inside.mkdir());
    FileOutputStream out = new FileOutputStream(file);
    out.write("one\ntwo\n".getBytes());
    out.close();
    FileInputStream in = new FileInputStream(new File(folder, "inside/../inside/a.txt"));
    byte[] read = new byte[100];
    System.out.print(new String(read, 0, in.read(read)));
    in.close();
    System.out.println(Arrays.toString(inside.list()) + " " + file.length());
    try {
      new FileInputStream(new File(folder, "none"));
    } catch (FileNotFoundException error) {
      System.out.println("not found");
    }
    System.out.println(file.delete() && inside.delete());
  }
}
