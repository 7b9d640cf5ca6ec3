using System.Text.RegularExpressions;

namespace Engine.Evidence;

/// <summary>An instruction of PTX.</summary>
/// <param name="Opcode">Its name with all its parts: <c>ld.global.v4.f32</c>.</param>
/// <param name="IsInLoop">Whether control can come back to it.</param>
public sealed record PtxInstruction(string Opcode, bool IsInLoop);

/// <summary>A kernel of a PTX text, as NVRTC writes it, with the instructions that lie in loops told apart.</summary>
/// <param name="Name">The entry point.</param>
/// <param name="Instructions">Its instructions in order.</param>
public sealed partial record PtxKernel(string Name, IReadOnlyList<PtxInstruction> Instructions)
{
    /// <summary>64-bit divisions and remainders that a loop repeats: each is a routine of 60 to 100 instructions.</summary>
    public int DivisionsInLoops => Instructions.Count(instruction => instruction.IsInLoop && IsLongDivision(instruction.Opcode));

    /// <summary>64-bit divisions and remainders that a thread runs once, such as those by which the compiler counts an unrolled loop's turns.</summary>
    public int DivisionsOnce => Instructions.Count(instruction => !instruction.IsInLoop && IsLongDivision(instruction.Opcode));

    /// <summary>Loads and stores through generic addresses, which the hardware has to sort into global, shared and local ones.</summary>
    public int GenericAccesses => Instructions.Count(instruction => GenericAccess().IsMatch(instruction.Opcode));

    /// <summary>Whether it reads global memory 16 bytes at a time.</summary>
    public bool HasWideLoads => Instructions.Any(instruction => WideAccess().Match(instruction.Opcode) is { Success: true } match && match.Value[0] == 'l');

    /// <summary>Whether it writes global memory 16 bytes at a time.</summary>
    public bool HasWideStores => Instructions.Any(instruction => WideAccess().Match(instruction.Opcode) is { Success: true } match && match.Value[0] == 's');

    /// <summary>Reads all kernels of a PTX text.</summary>
    /// <exception cref="EngineException">The text has none, or ends within one.</exception>
    public static IReadOnlyList<PtxKernel> ReadAll(string ptx)
    {
        List<PtxKernel> kernels = [];
        string? name = null;
        int depth = 0;
        List<string> body = [];
        foreach (string text in ptx.Split('\n'))
        {
            string line = WithoutComment(text);
            if (name is null)
            {
                name = Entry().Match(line) is { Success: true } match ? match.Groups[1].Value : null;
                continue;
            }

            bool isInside = depth > 0;
            depth += line.Count(character => character == '{') - line.Count(character => character == '}');
            if (isInside && line.Trim(' ', '\t', '{', '}') is { Length: > 0 } content)
            {
                body.Add(content);
            }

            if (isInside && depth == 0)
            {
                kernels.Add(new PtxKernel(name, WithLoops(name, body)));
                name = null;
                body = [];
            }
        }

        return name is not null ? throw new EngineException($"the PTX ends within the kernel {name}")
            : kernels.Count == 0 ? throw new EngineException("the PTX has no kernel (.entry)")
            : kernels;
    }

    private static bool IsLongDivision(string opcode) => opcode is "div.s64" or "div.u64" or "rem.s64" or "rem.u64";

    // A statement: [@predicate] opcode operands. Straight stretches of them are the nodes of a graph whose edges are jumps.
    private static List<PtxInstruction> WithLoops(string kernel, List<string> lines)
    {
        List<Stretch> stretches = [new()];
        Dictionary<string, int> labels = [];
        foreach (string line in lines)
        {
            if (Label().Match(line) is { Success: true } label)
            {
                stretches.Add(new());
                labels[label.Groups[1].Value] = stretches.Count - 1;
                continue;
            }

            if (Statement().Match(line) is not { Success: true } statement)
            {
                continue;
            }

            string opcode = statement.Groups[2].Value;
            stretches[^1].Opcodes.Add(opcode);
            string[] parts = opcode.Split('.');
            if (parts[0] is "bra" or "ret" or "exit" or "trap" or "brx")
            {
                bool isConditional = statement.Groups[1].Success;
                stretches[^1].FallsThrough = isConditional;
                if (parts[0] == "brx")
                {
                    throw new EngineException($"the kernel {kernel} jumps by a table (brx), which the check of loops does not follow");
                }

                if (parts[0] == "bra")
                {
                    stretches[^1].Target = statement.Groups[3].Value.Trim(' ', '\t', ';');
                }

                stretches.Add(new());
            }
        }

        int[][] next = [.. stretches.Select((stretch, i) => Successors(kernel, stretch, i, stretches.Count, labels))];
        return [.. stretches.SelectMany((stretch, i) =>
        {
            bool isInLoop = stretch.Opcodes.Count > 0 && ComesBack(next, i);
            return stretch.Opcodes.Select(opcode => new PtxInstruction(opcode, isInLoop));
        })];
    }

    private static int[] Successors(string kernel, Stretch stretch, int index, int count, Dictionary<string, int> labels)
    {
        List<int> successors = [];
        if (stretch.FallsThrough && index + 1 < count)
        {
            successors.Add(index + 1);
        }

        if (stretch.Target is { } target)
        {
            successors.Add(labels.TryGetValue(target, out int found) ? found : throw new EngineException(
                $"the kernel {kernel} jumps to {target}, which is nowhere"));
        }

        return [.. successors];
    }

    private static bool ComesBack(int[][] next, int start)
    {
        bool[] isSeen = new bool[next.Length];
        Stack<int> open = new(next[start]);
        while (open.TryPop(out int node))
        {
            if (node == start)
            {
                return true;
            }

            if (!isSeen[node])
            {
                isSeen[node] = true;
                foreach (int successor in next[node])
                {
                    open.Push(successor);
                }
            }
        }

        return false;
    }

    private static string WithoutComment(string line) => line.IndexOf("//", StringComparison.Ordinal) is >= 0 and int comment ? line[..comment] : line;

    [GeneratedRegex(@"\.entry\s+([A-Za-z_$%][\w$]*)")]
    private static partial Regex Entry();

    [GeneratedRegex(@"^\s*([A-Za-z_$%][\w$]*):\s*$")]
    private static partial Regex Label();

    [GeneratedRegex(@"^\s*(@!?%\w+\s+)?([a-z][\w.:]*)\s*(.*)$")]
    private static partial Regex Statement();

    [GeneratedRegex(@"^(ld|st)\.(volatile\.)?(v\d\.)?[bfsu]\d+$")]
    private static partial Regex GenericAccess();

    [GeneratedRegex(@"^(ld|st)\.global\.([\w:]+\.)*(v4\.[bfsu]32|v2\.[bfsu]64|b128)$")]
    private static partial Regex WideAccess();

    private sealed class Stretch
    {
        internal List<string> Opcodes { get; } = [];

        internal bool FallsThrough { get; set; } = true;

        internal string? Target { get; set; }
    }
}
